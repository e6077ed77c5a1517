"""`make picture`: the run page of the demo on a desk and on a phone, as pictures for the README.

Runs on servers and data of its own, which are thrown away afterwards.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from dev.processes import free_port

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PASSWORD = "bulk buying"  # noqa: S105 - the demo's; developers' tools import nothing of the product


def main() -> int:
    port = free_port()
    with tempfile.TemporaryDirectory() as local:
        Path(local).chmod(0o711)  # as root the servers are another account
        environment = {**os.environ, "PORT": str(port), "BULQ_LOCAL": local, "DATABASE_URL": "", "REDIS_URL": ""}
        command = (sys.executable, "-m", "dev.run")
        site = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            if not any("Bulq is at" in line for line in site.stdout):
                raise SystemExit("The site did not start.")
            _take_pictures(port)
        finally:
            site.terminate()
            site.wait(60)
    return 0


def _take_pictures(port: int) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=CHROMIUM_FLAGS)
        for name, options in (("run", DESK), ("run-phone", PHONE)):
            page = chromium.new_context(base_url=f"http://127.0.0.1:{port}", color_scheme="light", **options).new_page()
            page.goto("/login/")
            page.fill("[name=username]", "mara")
            page.fill("[name=password]", PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.goto("/groups/1/")
            page.locator("a.what").first.click()  # the run that collects comes first
            page.locator("#live", has_text="Live").wait_for()
            page.screenshot(path=ROOT / "docs" / f"{name}.png")
        chromium.close()


def _chromium() -> str | None:
    return next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)


if __name__ == "__main__":
    sys.exit(main())
