"""Names in a list cannot run together, and a word agrees with its number."""

import re

import pytest

from bids import states
from bids.models import Event
from bids.tests.stages import stage
from bulq.kit.names import listed
from bulq.tests.architecture import ROOT
from bulq.tests.client import signed_in
from stores.models import Product

pytestmark = pytest.mark.django_db


def test_names_are_listed_counted_and_separated():
    assert listed([]) == ""
    assert listed(["Ana"]) == "Ana"
    assert listed(["Ana", "Jon", "Lea"]) == "Ana, Jon and Lea"
    assert listed(["Almonds, whole", "Apples"]) == "“Almonds, whole” and “Apples”"
    assert listed("ABCDEF") == "A, B, C, D, E and F", "one more is named, too"
    assert listed("ABCDEFG") == "A, B, C, D, E and 2 more"


def test_no_code_joins_names_with_a_comma_itself():
    """Facts in our own words are not names: the note beside a person in the list of people."""
    join = re.compile(r"""["'], ["']\.join\(|join:", \"""")
    sources = [path for app in ("accounts", "stores", "bids") for path in (ROOT / app).rglob("*.py")]
    sources += (ROOT / "templates").rglob("*.html")
    found = {
        str(path.relative_to(ROOT)): join.findall(path.read_text()) for path in sources if "tests" not in path.parts
    }
    assert {path: len(hits) for path, hits in found.items() if hits} == {"bids/views/order_table.py": 1}


@pytest.mark.slow
@pytest.mark.parametrize("state", [state for state in states.RunState if state != states.CANCELLED])
def test_numbers_and_words_agree_on_every_page_of_a_run(state):
    """“0 products, about”, “1 packs”, “1 are wanted”, and a comma as a separator where a name may contain one."""
    cast = stage(state)
    Product.objects.filter(pk=cast.oil.pk).update(name="Almonds, whole", brand="Nussbaum", unit="pack")
    wrong = re.compile(
        r"\b0 products|\b1 (?:packs|pieces|bottles|boxes|products|people|lines|are|were|pay)\b"
        r"|\b(?:[02-9]|\d\d+) (?:pack|piece|bottle|box|product|line|is|was|pays)\b"
        r"|packs? ?, \d+ packs? wanted|whole, Nussbaum|products?, about|leads, \w+ help\b"
    )
    for person in (cast.alice, cast.bob, cast.eve, cast.dora):
        for path in ("", "history/", "costs/", "more/", "print/", "lock/", "finish/"):
            page = signed_in(person).get(f"/runs/{cast.run.pk}/{path}")
            text = re.sub(r"<(?!/?b>)[^>]+>", "|", page.content.decode().partition("<main")[2])
            text = re.sub(r"(?:\s|</?b>)+", " ", text)
            assert not (found := wrong.search(text)), f"“{found.group()}” in {path}"


def test_the_history_lists_names_one_by_one(client):
    cast = stage(states.ACTIVE)
    Event.objects.create(
        run=cast.run, kind="run_moved", actor=cast.alice,
        data={"origin": "adjusting", "to": "distributing", "forced": ["Almonds, whole", "Apples"]},
    )  # fmt: skip
    page = signed_in(cast.alice).get(f"/runs/{cast.run.pk}/history/").content.decode()
    assert "Divided by the leader (2)" in page
    assert "<li>Almonds, whole</li><li>Apples</li>" in page
