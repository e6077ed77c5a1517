"""`python -m benchmarks.workers`: which processes and threads of gunicorn serve the real pages best, side by side."""

from .__main__ import EMPTY, RATES, bids, load, peak_memory, seeded, serving

COMMON = ("bulq.wsgi:application", "--no-control-socket", "--log-level", "warning")
VARIANTS = {
    "2 processes, preloaded": ("--workers", "2", "--preload"),
    "3 processes, preloaded": ("--workers", "3", "--preload"),
    "4 processes, preloaded": ("--workers", "4", "--preload"),
    "2 of 2 threads, preloaded": ("--worker-class", "gthread", "--workers", "2", "--threads", "2", "--preload"),
    "2 of 4 threads, preloaded": ("--worker-class", "gthread", "--workers", "2", "--threads", "4", "--preload"),
    "3 of 2 threads, preloaded": ("--worker-class", "gthread", "--workers", "3", "--threads", "2", "--preload"),
}
CONNECTIONS = (8, 32)
MANY = dict.fromkeys(RATES, "1000000/m")


def main():
    with seeded() as known:
        pages = {"empty": EMPTY, "run page": f"/runs/{known['runs'][20]}/", "home": "/"}
        print("| gunicorn | connections |", " | ".join(f"{name}/s, p95 ms" for name in (*pages, "orders")), "| MB |")
        for variant, arguments in VARIANTS.items():
            with serving((*COMMON, *arguments), **MANY) as (site, port):
                for connections in CONNECTIONS:
                    results = [load(port, known, path, connections) for path in pages.values()]
                    results.append(bids(port, known, connections))
                    cells = [f"{result['per_second']:.0f}, {result['p95_ms']:.0f}" for result in results]
                    row = (variant, str(connections), *cells, f"{peak_memory(site.pid):.0f}")
                    print("|", " | ".join(row), "|", flush=True)
        with serving((*COMMON, *VARIANTS["2 processes, preloaded"]), **MANY) as (site, port):
            for _time in range(4):
                asked = sum(load(port, known, path, 8)["requests"] for path in pages.values())
                print(f"Memory after {asked} more pages: {peak_memory(site.pid):.0f} MB", flush=True)


if __name__ == "__main__":
    main()
