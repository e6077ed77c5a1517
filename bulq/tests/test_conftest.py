"""The guards of the tests: skips on CI, and browsers that report errors."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root_conftest(request):
    return request.config.pluginmanager.get_plugin(str(ROOT / "conftest.py"))


class Report:
    skipped, outcome, longrepr = True, "skipped", ("file", 1, "Skipped: no reason")


def test_a_skip_fails_only_on_ci(root_conftest):
    assert root_conftest.no_skips("x", Report(), on_ci=False).outcome == "skipped"
    report = root_conftest.no_skips("x", Report(), on_ci=True)
    assert report.outcome == "failed"
    assert "no reason" in report.longrepr


@pytest.mark.browser
def test_the_browser_reports_what_went_wrong_on_a_page(root_conftest, browser):
    page = """
        <meta http-equiv="Content-Security-Policy" content="style-src 'none'">
        <p style="color: red">violates the policy</p>
        <script>setTimeout(() => { throw new Error("a mistake in a script") })</script>
    """
    problems = []
    context = browser.new_context()
    root_conftest.watch(context, problems)
    opened = context.new_page()
    opened.set_content(page)
    opened.wait_for_timeout(200)
    context.close()
    assert any("Content Security Policy" in problem for problem in problems), problems
    assert any("a mistake in a script" in problem for problem in problems), problems
    assert len(problems) == 2


@pytest.mark.browser
def test_the_browser_reports_nothing_on_a_good_page(new_context):
    opened = new_context(locale="sr").new_page()
    opened.set_content("<p>fine</p>")
    assert opened.inner_text("p") == "fine"
