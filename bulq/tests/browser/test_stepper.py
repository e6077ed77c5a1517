"""The order saves itself: taps are stored, in few requests, whatever the network does meanwhile."""

import time
from collections import Counter
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_group, make_user
from bids.actions.runs import lock_list
from bids.models import Bid, Event
from bids.tests.factories import make_run, order
from stores.tests.factories import make_offer, make_product, make_store, make_weighed_product

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

NETWORK = (r"Failed to load resource: net::",)


class Table:
    """Mara's page of a run with products that only Jon wants so far, and the requests it sends."""

    def __init__(self, enter, products=3, **options):
        self.mara, self.jon = make_user("Mara"), make_user("Jon")
        group, store = make_group(admin=self.jon, members=[self.mara]), make_store()
        self.run = make_run(leader=self.jon, group=group, store=store)
        self.products = [make_product(f"Product {n:02}") for n in range(products)]
        for product in self.products:
            make_offer(product, store, pack_size=6, price="12.00", quantity=6)
            order(self.run, self.jon, product, 1)
        self.page = enter(self.mara, **options)
        self.path = f"/runs/{self.run.pk}/"
        self.sent = []
        self.page.on("request", lambda request: self.sent.append(request) if request.method == "POST" else None)

    def open(self):
        self.page.goto(self.path)
        return self

    def line(self, product):
        return self.page.locator(f".qty[data-line='{product.pk}']")

    def tap(self, product, button="plus"):
        line = self.line(product)
        add = line.locator(".add-btn")
        (add if add.is_visible() else line.locator(f"[name={button}]:not(.add-btn)")).click()

    def amount(self, product):
        return self.line(product).locator(f"[name='q-{product.pk}']").input_value()

    def says(self, text, seconds=45):
        expect(self.page.locator("#save-status")).to_have_text(text, timeout=seconds * 1000)

    def bodies(self):
        return [parse_qs(request.post_data) for request in self.sent]

    def stored(self):
        bids = Bid.objects.filter(participation__run=self.run, participation__user=self.mara)
        return {bid.product_id: bid.quantity for bid in bids}

    def stored_is(self, expected, seconds=45):
        amounts = {product.pk: Decimal(much) for product, much in expected.items()}
        eventually(lambda: self.stored() == amounts, seconds, page=self.page)


def eventually(true, seconds=45, *, page):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        if page.is_closed():
            time.sleep(0.05)
        else:
            page.wait_for_timeout(50)  # Playwright's events continue meanwhile


def test_sixty_taps_on_forty_products_in_a_minute_take_at_most_twenty_requests(enter, limits):
    """R9, spec 47: within the limits of production, in less than a minute."""
    table = Table(enter, products=40)
    table.page.clock.install()
    table.open()
    taps = [*table.products, *table.products[:20]]
    for product in taps:
        table.tap(product)
        table.page.clock.run_for(1000)
    expected = Counter(taps)
    for _ in range(10):
        if table.stored() == {product.pk: Decimal(count) for product, count in expected.items()}:
            break
        table.page.clock.run_for(4000)
        table.page.wait_for_timeout(300)
    table.stored_is(expected)
    assert 2 <= len(table.sent) <= 20
    assert {request.response().status for request in table.sent} == {200}
    assert {product: table.amount(product) for product in expected} == {p: str(n) for p, n in expected.items()}


def test_the_first_tap_is_sent_at_once_and_later_ones_together_one_request_at_a_time(enter):
    table = Table(enter)
    flying, most = [], []

    def slowly(route):
        flying.append(route)
        most.append(len(flying))
        answer = route.fetch()
        time.sleep(0.5)
        flying.remove(route)
        route.fulfill(response=answer)

    table.page.route("**/order/**", slowly)
    table.open()
    first, second, third = table.products
    started = time.monotonic()
    with table.page.expect_request("**/order/**"):
        table.tap(first)
    assert time.monotonic() - started < 3, "it waited for more taps"
    for product in (first, second, third):
        table.tap(product)
    assert table.amount(first) == "2"
    table.stored_is({first: 2, second: 1, third: 1})
    table.says("Saved")
    assert len(table.sent) == 2
    assert set(most) == {1}
    earlier, later = table.bodies()
    assert earlier[f"q-{first.pk}"] == ["1"]
    assert {later[f"q-{product.pk}"][0] for product in (first, second, third)} == {"2", "1"}
    assert table.amount(first) == "2"


def test_a_request_whose_answer_was_lost_is_repeated_and_stored_once(enter):
    table = Table(enter, ignore=NETWORK)
    lost = []

    def lose_the_first(route):
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch())  # the server has it, but the page never hears of it
            route.abort()

    table.page.route("**/order/**", lose_the_first)
    table.open()
    table.tap(table.products[0])
    table.says("Waiting to save")
    table.says("Saved")
    first, second = table.sent
    assert first.post_data == second.post_data
    assert table.stored() == {table.products[0].pk: 1}
    assert Event.objects.filter(run=table.run, actor=table.mara, product=table.products[0]).count() == 1


def test_without_a_network_the_amounts_wait_and_are_sent_when_it_is_back(enter):
    table = Table(enter, ignore=NETWORK).open()
    table.page.context.set_offline(True)
    table.tap(table.products[0])
    table.says("Waiting to save")
    table.tap(table.products[1])
    assert table.stored() == {}
    table.page.context.set_offline(False)
    table.stored_is({table.products[0]: 1, table.products[1]: 1})
    table.says("Saved")


@pytest.mark.parametrize("leave", ["go", "close"])
def test_leaving_the_page_sends_waiting_amounts(enter, leave):
    table = Table(enter).open()
    first, second, _third = table.products
    table.tap(first)
    table.stored_is({first: 1})
    table.tap(first)
    table.tap(second)
    if leave == "go":
        table.page.goto("/groups/")
    else:
        table.page.close()
    table.stored_is({first: 2, second: 1}, seconds=3)


def test_when_asked_to_wait_the_page_keeps_the_amounts_and_sends_them_later(enter, limits):
    """R5, spec 47."""
    limits["bids"] = "0/2s"
    table = Table(enter).open()
    with table.page.expect_response("**/order/**") as refused:
        table.tap(table.products[0])
    refused_at, wait = time.monotonic(), int(refused.value.headers["retry-after"])
    assert refused.value.status == 429
    table.says("Waiting to save")
    limits["bids"] = "20/m"
    table.tap(table.products[0])
    assert table.amount(table.products[0]) == "2"
    table.says("Saved")
    assert time.monotonic() - refused_at >= wait
    assert table.stored() == {table.products[0].pk: 2}


def test_leaving_while_asked_to_wait_shows_a_warning(enter, limits):
    """Nothing is lost without a word."""
    limits["bids"] = "0/m"
    table = Table(enter).open()
    table.tap(table.products[0])
    table.says("Waiting to save")
    with table.page.expect_event("dialog") as asked:
        table.page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.accept()


def test_when_the_list_was_locked_meanwhile_the_page_says_so_and_shows_stored_amounts(enter):
    table = Table(enter)
    order(table.run, table.mara, table.products[0], 3)
    table.open()
    lock_list(table.run, by=table.jon)
    table.tap(table.products[0])
    expect(table.page.locator("#messages .banner")).to_contain_text("Not saved. The list is locked")
    row = table.page.locator(f"#p{table.products[0].pk} .mine")
    expect(row).to_have_text("3")
    assert table.stored() == {table.products[0].pk: 3}


def test_an_amount_between_the_steps_is_refused_at_its_line_and_the_others_are_stored(enter):
    table = Table(enter)
    rice = make_weighed_product("Rice", step="0.5")
    order(table.run, table.jon, rice, 1)
    table.open()
    table.tap(table.products[0])
    table.says("Saved")
    table.tap(rice)
    field = table.page.locator(f"#q-{rice.pk}")
    field.fill("0.3")
    field.press("Tab")
    table.tap(table.products[1])
    error = table.page.locator(f"#line-err-{rice.pk}")
    expect(error).to_contain_text("Order Rice in steps of 0.5 kg")
    expect(field).to_have_value("0.3")
    expect(field).to_have_attribute("aria-invalid", "true")
    table.stored_is({table.products[0]: 1, table.products[1]: 1})
    field.fill("1,5")
    field.press("Enter")
    expect(error).to_be_hidden()
    table.stored_is({table.products[0]: 1, table.products[1]: 1, rice: "1.5"})


def test_undo_restores_the_amount_and_the_comment(enter):
    table = Table(enter)
    order(table.run, table.mara, table.products[0], 1, "the green one")
    table.open()
    table.tap(table.products[0], "minus")
    toast = table.page.locator(".toast")
    expect(toast).to_contain_text("is off your order")
    assert table.stored() == {}
    toast.get_by_role("button", name="Undo").click()
    expect(table.page.locator(f"#q-{table.products[0].pk}")).to_have_value("1")
    bid = Bid.objects.get(participation__user=table.mara)
    assert (bid.quantity, bid.comment) == (1, "the green one")


def test_five_products_of_a_new_run_take_at_most_eight_taps(enter):
    mara, store = make_user("Mara"), make_store()
    run = make_run(leader=mara, store=store)
    products = [make_product(f"Product {n}") for n in range(5)]
    for product in products:
        make_offer(product, store, price="1.00")
    page = enter(mara, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(f"/runs/{run.pk}/")
    taps = 0

    def tap(target):
        nonlocal taps
        target.tap()
        taps += 1

    tap(page.get_by_role("link", name="Add a product").first)
    for product in products:
        tap(page.get_by_role("button", name=f"Add {product.name} to your order"))
    tap(page.get_by_role("link", name="Back to the run").last)
    eventually(lambda: Bid.objects.filter(participation__user=mara, quantity=1).count() == 5, page=page)
    assert taps <= 8
