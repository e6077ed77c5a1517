"""K3 and the box in the top bar, in Chromium: keys, announcements, no script; lists that are searched while typing."""

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_group
from bulq.tests.browser.test_accessibility import AXE, RUN_AXE
from bulq.tests.client import signed_in

from .factories import make_product, make_store

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def open_page(new_context, live_server, alice):
    def open_page(path, **options):
        context = new_context(base_url=live_server.url, **{"viewport": {"width": 1280, "height": 800}} | options)
        session = signed_in(alice).cookies["sessionid"]
        context.add_cookies([{"name": "sessionid", "value": session.value, "url": live_server.url}])
        page = context.new_page()
        page.goto(path)
        return page

    return open_page


@pytest.fixture
def things(alice):
    return make_product("Basmati rice"), make_product("Basil"), make_store("Basar"), make_group("Basement", admin=alice)


def test_the_box_is_worked_by_keys_alone(open_page, things):
    rice, *_ = things
    page = open_page("/products/")
    box = page.locator("#search")
    box.focus()
    expect(box).to_have_role("combobox")
    expect(box).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("bas")
    options = page.get_by_role("option")
    expect(options).to_have_count(5)
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.locator("form.search [role=status]")).to_have_text("4 suggestions, use the arrow keys")
    assert [group.get_attribute("aria-label") for group in page.locator("[role=group]").all()] == [
        "Products",
        "Stores",
        "Your groups",
    ]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator('[role=option][aria-selected="true"]')
    expect(chosen).to_contain_text("Basmati rice")
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    assert box.get_attribute("aria-controls") == page.get_by_role("listbox").get_attribute("id")
    expect(box).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_have_count(0)  # back in the text
    page.keyboard.press("ArrowUp")
    expect(chosen).to_contain_text("All 4 results")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_contain_text("Basmati rice")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/products/{rice.pk}/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_while_the_options_are_open(open_page, things, width, scheme):
    page = open_page("/search/", viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.locator("#q").press_sequentially("bas")
    expect(page.get_by_role("option")).to_have_count(5)
    page.keyboard.press("ArrowDown")
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE, {}) == []


def test_the_first_escape_closes_and_the_text_stays(open_page, things):
    page = open_page("/products/")
    box = page.locator("#search")
    box.press_sequentially("bas")
    expect(page.get_by_role("option")).to_have_count(5)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(box).to_have_value("bas")
    expect(box).to_have_attribute("aria-expanded", "false")
    assert box.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowDown")  # opens it again
    expect(page.get_by_role("option")).to_have_count(5)


def test_tab_chooses_nothing_and_enter_without_an_option_searches(open_page, things):
    page = open_page("/products/")
    box = page.locator("#search")
    box.press_sequentially("bas")
    expect(page.get_by_role("option")).to_have_count(5)
    page.keyboard.press("ArrowDown")
    expect(page.locator('[role=option][aria-selected="true"]')).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(box).to_have_value("bas")
    expect(box).not_to_be_focused()
    assert page.url.endswith("/products/")
    box.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=bas")
    expect(page.get_by_role("link", name="Basmati rice")).to_be_visible()


def test_an_option_is_opened_by_a_click(open_page, things):
    page = open_page("/products/")
    page.locator("#search").press_sequentially("basar")
    page.get_by_role("option", name="Basar").first.click()
    page.wait_for_url(f"**/stores/{things[2].pk}/")


def test_on_a_phone_the_symbol_leads_to_the_page_and_the_suggestions_lie_in_its_flow(open_page, things):
    page = open_page("/products/", viewport={"width": 390, "height": 844}, has_touch=True)
    expect(page.locator("#search")).to_be_hidden()
    page.get_by_role("link", name="Search", exact=True).click()
    page.wait_for_url("**/search/")
    page.locator("#q").press_sequentially("bas")
    expect(page.get_by_role("option")).to_have_count(5)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_without_script_the_box_is_a_form(open_page, things):
    page = open_page("/products/", java_script_enabled=False)
    page.locator("#search").fill("basm")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=basm")
    expect(page.get_by_role("link", name="Basmati rice")).to_be_visible()
    expect(page.get_by_role("button", name="Scan a bar code")).to_be_hidden()


DETECTOR = """
globalThis.BarcodeDetector = class {
    static async getSupportedFormats() { return FORMATS; }
    async detect(video) { return globalThis.seen && video.videoWidth ? [{ rawValue: globalThis.seen }] : []; }
};
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
globalThis.streams = [];
navigator.mediaDevices.getUserMedia = async (wanted) => {
    if (globalThis.refused) throw new DOMException("no", "NotAllowedError");
    const canvas = document.createElement("canvas");
    canvas.getContext("2d").fillRect(0, 0, 9, 9);
    const stream = canvas.captureStream(5);
    streams.push(stream);
    return stream;
};
"""


def scanning(page, formats='["ean_13", "ean_8"]'):
    """A browser with a camera and a detector, which Chromium has not on every system."""
    page.add_init_script(DETECTOR.replace("FORMATS", formats))
    page.reload()
    return page


def live_tracks(page):
    return page.evaluate("() => streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === 'live').length")


def test_the_camera_reads_a_bar_code_into_the_field_and_is_stopped(open_page, alice):
    make_product("Olive oil", barcode="04006381333931")
    page = scanning(open_page("/search/"))
    page.get_by_role("button", name="Scan a bar code").click()
    expect(page.get_by_role("dialog", name="Scan a bar code")).to_be_visible()
    page.evaluate("() => { globalThis.seen = '4006381333931'; }")
    page.wait_for_url("**/search/?q=4006381333931")
    expect(page.get_by_role("link", name="Olive oil")).to_be_visible()


def test_the_camera_stops_when_the_dialog_is_left_and_when_it_is_refused_typing_works(open_page):
    page = scanning(open_page("/products/new/"))
    page.get_by_text("Brand, bar code").click()
    button = page.get_by_role("button", name="Scan a bar code")
    button.click()
    page.locator("dialog video").evaluate(
        "video => new Promise((ready) => video.videoWidth ? ready() : video.onplaying = ready)"
    )
    assert live_tracks(page) == 1
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert live_tracks(page) == 0
    expect(button).to_be_focused()
    page.evaluate("() => { globalThis.refused = true; }")
    button.click()
    expect(page.get_by_role("alert").filter(has_text="The camera can't be used here")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)  # a closed dialog goes away a moment later
    page.get_by_role("textbox", name="Bar code").fill("4006381333931")


@pytest.mark.parametrize("formats", ["[]", '["qr_code"]'])
def test_no_camera_button_where_the_browser_reads_no_product_codes(open_page, formats):
    page = scanning(open_page("/search/"), formats)
    page.locator("#search").focus()  # scripts have run
    expect(page.locator("#search")).to_have_role("combobox")
    expect(page.get_by_role("button", name="Scan a bar code")).to_be_hidden()
