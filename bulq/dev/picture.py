"""`make picture`: the run page of the demo on a desk and on a phone, as pictures for the README.

Runs on servers and data of its own, which are thrown away afterwards.
"""

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from bulq.dev.services import throwaway_services

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "127.0.0.1:8917"
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PASSWORD = "bulk buying"  # noqa: S105 - the demo's; developers' tools import nothing of the product


def main() -> int:
    with throwaway_services({"DATABASE_URL": "", "REDIS_URL": ""}) as services:
        environment = {**os.environ, **services.urls, "SECRET_KEY": "for a picture", "ALLOWED_HOSTS": "127.0.0.1"}
        environment["DEBUG"] = "true"  # static files from where they are
        for words in (("migrate", "--no-input"), ("demo",)):
            _start("manage.py", *words, environment=environment).wait()
        site = _start("-m", "gunicorn", "bulq.wsgi", "-b", ADDRESS, "--no-control-socket", environment=environment)
        try:
            _wait_for_answer()
            _take_pictures()
        finally:
            site.terminate()
            site.wait()
    return 0


def _start(*words: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen((sys.executable, *words), env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)


def _wait_for_answer() -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://{ADDRESS}/login/"):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The web server did not answer.")


def _take_pictures() -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=CHROMIUM_FLAGS)
        for name, options in (("run", DESK), ("run-phone", PHONE)):
            page = chromium.new_context(base_url=f"http://{ADDRESS}", color_scheme="light", **options).new_page()
            page.goto("/login/")
            page.fill("[name=username]", "mara")
            page.fill("[name=password]", PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.goto("/groups/1/")
            page.locator("a.what").first.click()  # the run that collects comes first
            page.wait_for_load_state("networkidle")
            page.screenshot(path=ROOT / "docs" / f"{name}.png")
        chromium.close()


def _chromium() -> str | None:
    return next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)


if __name__ == "__main__":
    sys.exit(main())
