"""How to pay someone, on a phone: the picture as a bank's app sees it, and the words beside it copied."""

import base64

import pytest
import zxingcpp
from playwright.sync_api import expect

from accounts.actions.people import set_how_to_pay
from bids import states
from bids.tests.stages import stage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ACCOUNT = "DE89370400440532013000"
GREY = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt());
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const { data } = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
  const grey = Array.from({ length: data.length / 4 }, (_, n) => data[4 * n + 1]);
  return { grey, height: bitmap.height, width: bitmap.width };
}"""


@pytest.fixture
def scene():
    scene = stage(states.DISTRIBUTING)
    set_how_to_pay(by=scene.alice, text="Cash is fine too", account=ACCOUNT, bic="")
    return scene


@pytest.mark.parametrize(
    "looks",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}],
    ids=["light", "dark", "forced colours"],
)
def test_the_picture_on_the_screen_says_what_the_page_says(enter, new_context, scene, looks):
    page = enter(scene.eve, viewport={"width": 390, "height": 844}, device_scale_factor=2, **looks)
    page.goto(f"/runs/{scene.run.pk}/")
    pay = page.get_by_role("region", name="How to pay Alice")
    picture = pay.get_by_role("img", name="QR code with the account of Alice")
    expect(picture).to_be_visible()
    png = base64.b64encode(picture.screenshot()).decode()
    dots = new_context().new_page().evaluate(GREY, png)
    image = memoryview(bytes(dots["grey"])).cast("B", (dots["height"], dots["width"]))
    (code,) = zxingcpp.read_barcodes(image)
    said = code.bytes.decode().split("\n")
    for field in (said[5], said[7].removeprefix("EUR"), said[10]):
        expect(pay).to_contain_text(field)
    expect(pay.locator(".four")).to_have_attribute("value", said[6])
    expect(pay.locator(".four")).to_have_text("DE89 3704 0044 0532 0130 00")


def test_each_value_is_copied_as_a_bank_takes_it(enter, scene):
    page = enter(scene.eve, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{scene.run.pk}/")
    purpose = f"Bulq {scene.run.pk} Eve"
    for name, value in (("the name", "Alice"), ("the account number", ACCOUNT), ("the purpose", purpose)):
        button = page.get_by_role("button", name=f"Copy {name}")
        button.click()
        expect(button).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == value
    page.get_by_role("button", name="Copy the amount").click()
    expect(page.get_by_role("button", name="Copy the amount")).to_have_text("Copied")
    shown = page.locator(f"#pay-{scene.alice.pk}-amount").inner_text()
    assert f"€{page.evaluate('navigator.clipboard.readText()')}" == shown


def test_without_the_right_to_copy_the_text_is_selected(enter, scene):
    page = enter(scene.eve)
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new DOMException('no'))")
    page.goto(f"/runs/{scene.run.pk}/")
    page.get_by_role("button", name="Copy the account number").click()
    page.wait_for_function("getSelection().toString().includes('3704')")
