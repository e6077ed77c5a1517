"""What the tags draw and write: text, widths and escaping. No database."""

import re
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.template import Context, Template

from bulq.kit import bars, drawing, names
from bulq.templatetags import look

UNITS = [Decimal(text) for text in ("0", "0.5", "1", "2", "2.5", "7", "12", "13", "240")]
PACKS = [Decimal(text) for text in ("0.75", "1", "2", "6", "12", "25")]


def widths(svg):
    return [Decimal(text) for text in re.findall(r'width="([\d.]+)%"', svg)]


def visible_text(html):
    """The visible text, without the drawing."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def label(html):
    return re.search(r'aria-label="([^"]*)"', html).group(1)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("mine", UNITS)
def test_segments_fill_the_bar_in_order_and_never_overlap(mine, pack):
    for others in UNITS:
        segments = drawing.pack_segments(mine, others, pack)
        ends = Decimal(0)
        for _kind, x, width in segments:
            assert x >= ends - Decimal("0.0001")
            assert width > 0
            ends = x + width
        assert ends == pytest.approx(100)
        kinds = [kind for kind, _x, _width in segments]
        assert kinds == sorted(kinds, key=["me", "other", "need"].index)


def test_small_packs_have_a_cell_for_each_unit():
    kinds = [kind for kind, _x, _width in drawing.pack_segments(Decimal(2), Decimal(2), Decimal(6))]
    assert kinds == ["me", "me", "other", "other", "need"]


def test_large_packs_are_drawn_in_runs_cut_where_a_pack_ends():
    kinds = [kind for kind, _x, _width in drawing.pack_segments(Decimal(4), Decimal(18), Decimal(12))]
    assert kinds == ["me", "other", "other", "need"]


@pytest.mark.parametrize(
    ("mine", "others", "pack", "sentence"),
    [
        ("4", "27", "12", "2 full packs and 7 of 12: 5 still needed. 4 by you"),
        ("0", "13", "12", "1 full pack and 1 of 12: 11 still needed"),
        ("0", "12", "12", "1 full pack"),
        ("0.5", "1.5", "1", "2 full packs. 0.5 by you"),
        ("0", "4.5", "6", "4.5 of 6: 1.5 still needed"),
    ],
)
def test_a_pack_bar_says_in_one_sentence_what_it_shows(mine, others, pack, sentence):
    assert label(bars.pack_bar(Decimal(mine), Decimal(others), Decimal(pack), "kg")) == sentence


def test_a_pack_nobody_wants_needs_nothing():
    assert visible_text(bars.pack_bar(Decimal(0), Decimal(0), Decimal(6), "kg")) == "Nobody yet"


def test_the_received_quantity_is_drawn_against_the_wanted_one():
    short = bars.came_bar(Decimal(8), Decimal(6))
    assert widths(short) == [Decimal("74.1"), Decimal(25)]
    assert 'class="need"' in short
    assert 'class="over"' in bars.came_bar(Decimal(6), Decimal(8))


def test_a_pack_bar_has_its_numbers_beneath():
    html = bars.pack_bar(Decimal(4), Decimal(27), Decimal(12), "kg")
    assert visible_text(html) == "2 full packs 7 of 12 kg: 5 still needed"
    assert visible_text(bars.pack_bar(Decimal(1), Decimal(5), None, "kg")) == "6 kg wanted"


@pytest.mark.parametrize("pack", [None, Decimal(6)])
def test_a_unit_cannot_smuggle_markup_into_a_pack_bar(pack):
    html = bars.pack_bar(Decimal(1), Decimal(1), pack, '<b>"kg')
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def render(source, **context):
    return Template(source).render(Context(context))


def test_a_progress_bar_shows_a_share_and_is_empty_without_a_total():
    assert widths(render("{% progress_bar 5 12 %}"))[1] == Decimal("41.67")
    assert widths(render("{% progress_bar 0 0 %}"))[1] == 0


def test_balances_share_one_zero_line():
    most, least = Decimal(30), Decimal(10)
    both, down = bars.balance_bar(most, Decimal(5), most, least), bars.balance_bar(Decimal(0), least, most, least)
    assert widths(both) == [75, Decimal("12.5")]
    assert widths(down) == [0, 25]
    assert 'x1="25%"' in both
    assert 'x1="25%"' in down


def chart(*series):
    first = date(2026, 6, 1)
    drawn = [
        (name, [(first + timedelta(30 * n), Decimal(price)) for n, price in enumerate(prices)])
        for name, prices in series
    ]
    return render('{% price_chart series "EUR" %}', series=drawn)


def test_a_price_chart_says_how_the_price_moved_at_each_store():
    html = chart(("Metro", ["4.20", "3.90", "4.00"]), ("Süd", ["4.10"]))
    assert label(html) == ("Metro: from €4.20 to €4.00, lowest €3.90. Süd: from €4.10 to €4.10, lowest €4.10.")
    assert "<circle" in html
    assert "<polygon" in html


def test_a_price_chart_escapes_names_and_is_absent_without_prices():
    html = chart(("<b>", ["1", "2"]))
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert chart(("Metro", [])).strip() == ""


def test_each_line_of_a_price_chart_has_marks_of_its_own_shape_at_its_prices():
    html = chart(*((f"Store {n}", ["1", "2"]) for n in range(7)))
    lines = re.findall(r'<g class="s(\d)( hollow)?"><polyline points="(.*?)"/>(.*?)<text', html)
    assert [line[:2] for line in lines] == [(str(n), " hollow" if n % 2 else "") for n in range(6)]
    shapes = [re.findall(r"<(\w+) class=\"mark\"", marks) for *_, marks in lines]
    assert shapes == [["circle"] * 2, *[["polygon"] * 2] * 3, ["circle"] * 2, ["polygon"] * 2]
    assert len({re.sub(r"[\d.]+", "", marks) for *_, marks in lines}) == 3  # square and diamond have four corners
    centres = re.findall(r'cx="(.*?)" cy="(.*?)"', lines[0][3])
    assert [",".join(centre) for centre in centres] == lines[0][2].split()


def test_the_axes_of_a_price_chart_name_prices_and_its_first_and_last_day():
    assert visible_text(chart(("Metro", ["4.20", "3.90", "4.00"]))).endswith("1 Jun 2026 31 Jul 2026 Metro €4.00")
    assert visible_text(chart(("Metro", ["4.20"]))).endswith("1 Jun 2026 Metro €4.20")


@pytest.mark.parametrize("prices", [["5"], ["0", "0"], ["0.01", "9999999.99"], ["1.2345", "1.2346"]])
def test_a_price_chart_draws_any_prices_inside_its_frame(prices):
    heights = [Decimal(y) for y in re.findall(r'y1="([\d.]+)"', chart(("Metro", prices)))]
    assert len(heights) >= 2
    assert all(14 <= y <= 168 for y in heights)


def test_labels_of_lines_that_end_together_are_moved_apart():
    placed = drawing.spread_out([Decimal(100), Decimal(101), Decimal(167)], 15, 168)
    assert placed == [100, 115, 167]
    placed = drawing.spread_out([Decimal(167), Decimal(168), Decimal(166)], 15, 168)
    assert sorted(placed) == [138, 153, 168]


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Mara Kovač", "MK"),
        ("Мара Ковач-Петровић", "МП"),
        ("lea", "L"),
        ("李小龙", "李"),
        ("<b>", "B"),
        ("  ", "?"),
    ],
)
def test_initials_of_any_script(name, letters):
    assert names.initials(name) == letters


def test_the_readers_own_avatar_stands_out():
    person, other = SimpleNamespace(pk=1, name="Mara Kovač"), SimpleNamespace(pk=2, name="Jon")
    context = {"request": SimpleNamespace(user=person)}
    assert 'class="ava me sm"' in look.avatar(context, person, "sm")
    assert 'class="ava"' in look.avatar(context, other)
    assert 'class="ava"' in look.avatar({}, other)


def test_missing_amounts_are_empty():
    page = Template('{{ none|money:"EUR" }}{{ none|quantity }}{{ none|unit_price:"EUR" }}')
    assert page.render(Context({"none": None})) == ""


def test_a_unit_price_comes_from_a_price_or_a_number():
    observed = SimpleNamespace(amount=Decimal(10), quantity=Decimal(12))
    assert look.unit_price(observed, "EUR") == "€0.8333"
    assert look.unit_price(Decimal("7.40"), "EUR") == "€7.40"
