"""D6: a form based on outdated values gets a 409 with the current ones, keeps what was typed, and overwrites nothing;
sent again from that page, it is stored."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from bids import states
from bids.models import Bid
from bulq.tests.client import signed_in

from .stages import stage

pytestmark = pytest.mark.django_db

BOUGHT = {"counted_in": "unit", "price_for": "all"}
# address, state, who, part, what one session stores, what the other typed meanwhile, hidden field, what is shown
CASES = [
    ("run-edit", states.ACTIVE, "alice", None, {"note": "first"}, {"note": "second"}, "version", "first"),
    ("run-product", states.ACTIVE, "bob", "oil", {"quantity": "6"}, {"quantity": "5"}, "was", "6"),
    ("purchase-edit", states.SHOPPING, "bob", "purchase", {"quantity": "1.4", "price": "11.00"} | BOUGHT,
     {"quantity": "1.3", "price": "10.00"} | BOUGHT, "seen", "1.4 kg for €11.00"),
    ("total-correct", states.DISTRIBUTING, "alice", "purchase", {"total": "36.00"}, {"total": "35.00"}, "was",
     "€36.00"),
]  # fmt: skip


def _hidden(page, name):
    [field] = re.findall(rf'<input type="hidden" name="{name}"[^>]*>', page)
    match = re.search(r'value="([^"]*)"', field)
    return match[1] if match else ""


@pytest.mark.parametrize(
    ("name", "state", "who", "part", "first", "second", "hidden", "shown"), CASES, ids=[case[0] for case in CASES]
)
def test_a_stale_form_overwrites_nothing_until_it_is_sent_again_knowingly(
    name, state, who, part, first, second, hidden, shown
):
    scene = stage(state)
    url = reverse(name, args=[scene.run.pk, *([getattr(scene, part).pk] if part else [])])
    client = signed_in(getattr(scene, who))
    seen = {hidden: _hidden(client.get(url).content.decode(), hidden)}
    assert client.post(url, first | seen).status_code == 302
    stale = client.post(url, second | seen)
    page = stale.content.decode()
    assert stale.status_code == 409
    assert shown in page
    for value in second.values():
        assert value in page
    assert client.post(url, second | {hidden: _hidden(page, hidden)}).status_code == 302


def test_a_stale_line_of_the_order_shows_the_stored_quantity():
    scene = stage(states.ACTIVE)
    client, url = signed_in(scene.bob), reverse("run-order", args=[scene.run.pk])
    field = f"q-{scene.oil.pk}"
    assert client.post(url, {field: "6", f"was-{scene.oil.pk}": "4"}).status_code == 302
    stale = client.post(url, {field: "5", f"was-{scene.oil.pk}": "4"})
    assert stale.status_code == 409
    assert "was changed to 6" in stale.content.decode()
    assert 'value="5"' in stale.content.decode()
    assert Bid.objects.get(participation__user=scene.bob, product=scene.oil).quantity == Decimal(6)


def test_a_good_line_is_stored_and_a_bad_line_refused_independently():
    """Spec 47."""
    scene = stage(states.ACTIVE)
    data = {
        f"q-{scene.oil.pk}": "6",
        f"was-{scene.oil.pk}": "4",
        f"q-{scene.gouda.pk}": "0.3",
        f"q-{scene.tabs.pk}": "1,234",
    }
    answer = signed_in(scene.bob).post(reverse("run-order", args=[scene.run.pk]), data | {f"was-{scene.tabs.pk}": "1"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "in steps of 0.5 kg" in page
    assert "can be read in two ways" in page
    amounts = Bid.objects.filter(participation__user=scene.bob).values_list("product_id", "quantity")
    assert dict(amounts) == {scene.oil.pk: Decimal(6), scene.tabs.pk: Decimal(1)}
