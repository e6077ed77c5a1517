"""Every page at the width of a small phone, a phone and a desk, light and dark: axe finds nothing (on a phone and a
desk), nothing scrolls sideways, targets are large enough, and no page names itself twice."""

from pathlib import Path

import axe_playwright_python
import pytest
from django.urls import reverse

from accounts.models import User

from .conftest import sign_in
from .samples import FILES, PARTS, addresses, anything

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
TARGETS = (Path(__file__).parent / "targets.js").read_text()
RUN_AXE = """async (options) => (await axe.run(document, {resultTypes: ["violations"], ...options})).violations.flatMap(
    (one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")} ${node.any[0]?.message ?? one.help}`))"""
ALL_RULES = {}
CONTRAST = {"runOnly": ["color-contrast"]}
# Named in a phone's top bar, and again on the page below it.
TWICE = """(() => {
    const seen = (one) => one.checkVisibility() && one.getClientRects().length ? one.innerText.trim() : "";
    const bar = [...document.querySelectorAll(".topbar .title")].map(seen).join("");
    return [...document.querySelectorAll("main h1, main .crumb")].map(seen).filter((text) => text && text === bar);
})()"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "document.querySelectorAll('details').forEach((one) => (one.open = true))"
PARTS_OF_PAGES = 6  # so that several workers can share them


def test_every_page_has_a_sample(demo_site, client):
    """An address without one must refuse to be opened: it only takes forms."""
    client.force_login(User.objects.get(username="mara"))
    for name, converters in addresses():
        if name not in demo_site.samples.names | PARTS | FILES:
            answer = client.get(reverse(name, kwargs=anything(converters)))
            assert answer.status_code == 405, f"“{name}” can be opened: give it a sample"


# For each page loaded: at which widths it is looked at, whether by axe too, and the minimum size of a target. Axe is
# slow: what it could find at 320 px it finds at 390 px, and a dark page is a light one in other colours.
LOOKS = {
    "phones": ({"has_touch": True, "is_mobile": True}, ((320, False, 44), (390, True, 44))),
    "desk": ({}, ((1280, True, 24),)),
}


@pytest.mark.parametrize("part", range(PARTS_OF_PAGES))
@pytest.mark.parametrize("look", LOOKS)
def test_everyone_can_use_every_page(demo_site, new_context, look, part):
    # One tab for each person, and few people in a part: a tab is a new process of the browser, which costs more than to
    # look at a page.
    tabs, problems = {}, []
    options, widths = LOOKS[look]
    pages = sorted(demo_site.samples.pages, key=lambda page: page[0] or "")
    share = -(-len(pages) // PARTS_OF_PAGES)
    for who, path in pages[part * share : (part + 1) * share]:
        if who not in tabs:
            # Without motion, or colours that are on their way from light to dark would be looked at.
            person = new_context(base_url=demo_site.url, reduced_motion="reduce", **options)
            if who:
                sign_in(person, demo_site.url, demo_site.sessions[who])
            tabs[who] = person.new_page()
        problems += [f"{who} {path} {line}" for line in look_at(tabs[who], path, widths)]
    assert not problems, "\n".join(problems)


def look_at(page, path, widths):
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": widths[0][0], "height": 844})
    page.goto(path)
    page.evaluate(UNFOLD)
    for width, is_for_axe, least in widths:
        page.set_viewport_size({"width": width, "height": 844})
        if over := page.evaluate(SIDEWAYS):
            yield f"at {width}: scrolls sideways by {over} px"
        yield from (f"at {width}: smaller than {least} px: {line}" for line in page.evaluate(TARGETS, least))
        page.evaluate("scrollTo(0, 0)")
        yield from (f"at {width}: names itself twice: {name}" for name in page.evaluate(TWICE))
        if is_for_axe:
            page.evaluate(AXE)
            yield from (f"at {width}: {line}" for line in page.evaluate(RUN_AXE, ALL_RULES))
            page.emulate_media(color_scheme="dark")
            yield from (f"at {width}, dark: {line}" for line in page.evaluate(RUN_AXE, CONTRAST))
