"""K2: a file of any bytes ends in a report or a sentence, and a bad line loses nothing else."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bulq.kit.errors import BulqError
from bulq.kit.tables import write_rows
from stores.importing import parse_mapping
from stores.importing.columns import _KNOWN, NAMES, _key
from stores.importing.table import Table
from stores.importing.text import LONGEST_LINE, encoding_of
from stores.models import Offer, Price, Product

from .bringing import EAN, brought, counts, everything, reasons, refusal
from .factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db


# --- Any bytes -------------------------------------------------------------------------------------
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@example(b"")
@example(b"\0")
@example(b"\xff\xfe")
@example(b"\xff\xfen\0a\0m\0e\0\n\0x")
@example(b"name\n\xff\xfe\n\0\n")
@example(b'name,unit\n"')
@example(b'"name')
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_a_report_or_a_sentence(metro, data):
    for whole in (data, b"name,unit,price\n" + data, b"naziv;jedinica;datum;barkod\r" + data.replace(b",", b";")):
        try:
            report = brought(metro, whole, is_rehearsal=True)
        except BulqError as error:
            assert error.message.endswith((".", "?"))
        else:
            assert report.lines == report.counts.total() and len(report.reasons) == report.counts["skipped"]


CELLS = st.sampled_from([
    *("", "Rice", "rice ", "Pasta", "Oil", "kg", "piece", "counted", "divisible", EAN, "12345670", "4006381333932"),
    *("1", "0.5", "1.234", "1.234,50", "0", "-1", "99999999", "NaN", "1e5", "2025-05-01", "31.2.2026", "9999-12-31"),
    *("0000-00-00", "EUR", "RSD", "XYZ", "x" * 101, "\u202e", "\0", "=1", '"', "a\nb", "\ufffd", "ﷺ" * 100, "İ"),
])  # fmt: skip


@given(st.lists(st.lists(CELLS, min_size=len(NAMES), max_size=len(NAMES) + 1), max_size=8), st.integers(1, 5))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cells_twice_are_once(metro, rows, size):
    file = io.StringIO(newline="")
    write_rows(file, [list(NAMES), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stores.importing.bringing.BATCH", size)
        first = brought(metro, file.getvalue())
        before = everything()
        second = brought(metro, file.getvalue())
    assert everything() == before and second.reasons == first.reasons
    assert not second.counts["new"] and not second.counts["changed"]


def test_a_bad_line_loses_nothing_else(metro):
    lines = [
        "name,unit,price", '"Open,kg,1', "Rice,kg,1", "x" * (LONGEST_LINE + 5), "Pasta,kg,1", "a,kg,1,2", "Salt,kg,1",
        'Pepper "ground" mill,kg,1', "Zer\0o,kg,1", "", ",,", '"Sugar\nwhite",kg,1', "Tea,kg,1",
        '"Far', *["Beans,kg,1"] * 12,
    ]  # fmt: skip
    report = brought(metro, "\n".join(lines))
    assert set(Product.objects.values_list("name", flat=True)) == {
        *("Rice", "Pasta", "Salt", 'Pepper "ground" mill', "Tea", "Beans")
    }
    assert [number for number, _reason in report.reasons] == [2, 4, 6, 9, 12, 15]
    assert [reason.split()[0] for _number, reason in report.reasons] == ["A", "This", "This", "name:", "name:", "A"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Rice,kg,1.234", "price: “1.234” can be read in two ways. Write 1234 or 1.23"),
        ("Rice,kg,1e5", "price: Enter a number, for example 7.40"),
        ("Rice,kg,0", "price: Enter a price above 0. Something that was free has no price"),
        ("Rice,kg,99999999", "price: Enter at most 9,999,999.99"),
        ("Rice,,1", "Enter the unit: this product is new"),
        (",kg,1", "name: Enter the name of the product"),
        ("R,kg,1", "name: Enter at least 2 characters"),
        (f"{'x' * 101},kg,1", "name: Enter at most 100 characters"),
        ("Rice,kg,1,2", "This line has more cells than there are columns."),
        ('"Rice,kg,1', "A quotation mark in this line is not closed, or stands within a cell."),
    ],
)
def test_each_bad_line_has_its_sentence(metro, line, reason):
    assert reasons(metro, line) == [reason]
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        (
            "barcode",
            "4006381333932",
            "That is not a bar code: its last digit does not fit the others. Type it once more",
        ),
        ("barcode", "123", "A bar code has 8, 12, 13 or 14 digits"),
        ("currency", "XYZ", "“XYZ” is not a currency. Write it like EUR"),
        ("currency", "RSD", "Prices at this store are in EUR, not in RSD"),
        ("category", "Nowhere", "There is no category called “Nowhere”"),
        ("kind", "both", "Enter “counted” or “divisible”"),
        ("day", "31.2.2026", "Enter a date as 2026-05-31 or 31.5.2026"),
        ("day", "05/31/2026", "Enter a date as 2026-05-31 or 31.5.2026"),
        ("day", "2199-01-01", "Enter a day between the year 2000 and today"),
        ("day", "0001-01-01", "Enter a day between the year 2000 and today"),
        ("step", "1001", "Enter at most 1\u00a0000"),
    ],
)
def test_each_bad_cell_has_its_sentence(metro, column, cell, reason):
    assert reasons(metro, f"Rice,kg,1,{cell}", header=f"name,unit,price,{column}") == [f"{column}: {reason}"]
    assert not Product.objects.exists()


def test_what_does_not_fit_the_known_product_is_skipped(metro):
    make_offer(make_product("Oil", unit="bottle", barcode=EAN.zfill(14)), metro, price="3")
    Product.objects.update(is_unit_fixed=True)
    before = everything()
    lines = ["Oil,kg,,,,", "Oil,,divisible,,,", "Oil,,,0.5,,", "Oil,,,,12345670,", "Oil,,,,,2.5"]
    assert reasons(metro, *lines, header="name,unit,kind,step,barcode,pack size") == [
        "Oil is sold by bottle here, not by kg",
        "The kind can't change once someone has ordered this product or logged a price.",
        "Counted products need whole steps: enter a whole number, for example 1",
        f"Oil already has another bar code, {EAN}",
        "This product is counted: enter a whole number, for example 12",
    ]  # fmt: skip
    assert everything() == before


def test_a_currency_without_cents(metro):
    yen = make_store(currency="JPY")
    assert reasons(yen, "Rice,kg,1.5") == ["price: JPY has no cents: enter a whole amount, for example ¥1"]


# --- Encodings, separators, columns ----------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1250"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_serbian_names_in_every_encoding(metro, encoding, separator, newline):
    names = ["Čokolada", "Ćevapi", "Đumbir", "Šećer", "Žito", "čaj, ćilibar; đak\tšljive žute"[:9]]
    rows = [["Naziv", "Jedinica"], *([f'"{name}"', "kg"] for name in names)]
    text = newline.join(separator.join(row) for row in rows)
    report = brought(metro, text, written_in=encoding)
    assert counts(report) == {"new": len(names)}
    assert set(Product.objects.values_list("name", flat=True)) == set(names)


@pytest.mark.parametrize("name", ["Crème à la fraîche", "Señor piña", "Smørrebrød på tallerken", "Über Öl"])
def test_western_names_in_cp1252(metro, name):
    brought(metro, f"name,unit\n{name},kg\n", written_in="cp1252")
    assert Product.objects.get().name == name


def test_a_guess_shows_what_it_changes_and_can_be_overruled(metro):
    data = "name,unit\nCrème,kg\nPlain,kg\n".encode("cp1252")
    report = brought(metro, data, is_rehearsal=True)
    assert (report.encoding, report.examples) == ("cp1250", [("Crčme", "Crème")])
    assert brought(metro, data, encoding="cp1252").examples == []
    assert set(Product.objects.values_list("name", flat=True)) == {"Crème", "Plain"}


def test_utf_8_comes_first_even_if_it_ends_in_the_middle_of_a_letter():
    assert encoding_of(io.BytesIO("Č".encode())) == "utf-8"
    assert encoding_of(io.BytesIO("Č".encode()[:1])) == "cp1250"
    assert encoding_of(io.BytesIO(b"x" * 65535 + "Č".encode())) == "utf-8", "a letter across two chunks"


def test_a_line_that_its_encoding_cannot_read_is_skipped(metro):
    report = brought(metro, b"name,unit\nRice,kg\nP\xff,kg\n", encoding="utf-8")
    assert counts(report) == {"new": 1, "skipped": 1}
    assert report.reasons == [(3, "This line has characters that can't be read as utf-8.")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_mark_at_the_beginning_is_not_part_of_the_first_name(encoding):
    table = Table(io.BytesIO('"name, all";unit\na;kg\n'.encode(encoding)))
    assert table.columns == ["name, all", "unit"]


def test_commas_in_texts_do_not_decide_about_the_separator():
    table = Table(io.BytesIO(b'"name, and, more";unit\n"a, b";kg\n'))
    assert (table.columns, [row.cells for row in table.rows()]) == (["name, and, more", "unit"], [["a, b", "kg"]])


def test_no_name_is_that_of_two_columns():
    for column, names in NAMES.items():
        assert {_KNOWN[_key(name)] for name in names.split(", ")} == {column}


@pytest.mark.parametrize(
    "header",
    ["NAME,Unit,Pack_size", "naziv,jedinica mere,Veličina pakovanja", "Назив,Јединица,ВЕЛИЧИНА ПАКОВАЊА",
     "Наименование,Ед. изм.,Размер упаковки"],
)  # fmt: skip
def test_columns_in_four_languages(metro, header):
    brought(metro, f"{header}\nRice,kg,10\n")
    assert (Product.objects.get().unit, Offer.objects.get().pack_size) == ("kg", 10)


def test_columns_can_be_named(metro):
    mapping = parse_mapping(["name=Opis", "price = Cena sa PDV", "note="])
    report = brought(metro, "Opis,Naziv,JM,Cena,Cena sa PDV,note\nRice,x,kg,1,2,unread\n", mapping=mapping)
    assert (Product.objects.get().name, Price.objects.get().amount, Offer.objects.get().note) == ("Rice", 2, "")
    assert report.not_read == ["Naziv", "Cena", "note"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("", "This file is empty."),
        ("\n \r\n;;\n", "This file is empty."),
        ("unit,price\nkg,1\n", "No column has the names of the products. Call it “name”, or say which one it is."),
        ("name,Naziv\n", "The columns “name” and “Naziv” could both be the name. Rename one, or say which one it is, "
                         "as name=name."),
        ("x" * (LONGEST_LINE + 1), "The first line is too long. It has to contain the names of the columns."),
        ('"name\n' * 20, "The first line can't be read. Is this a CSV file?"),
        (b"PK\x03\x04\x81 \xe0name\n", "The first line can't be read. Is this a CSV file?"),
    ],
)  # fmt: skip
def test_each_bad_file_has_its_sentence(metro, data, sentence):
    assert refusal(metro, data) == sentence


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"price": "Cena"}, "There is no column “Cena” in this file."),
        ({"price": "x"}, "The column “x” is there twice."),
    ],
)
def test_each_bad_mapping_has_its_sentence(metro, mapping, sentence):
    assert refusal(metro, "name,x,X\n", mapping=mapping) == sentence


def test_mappings_that_say_nothing():
    for texts in (["price"], ["prize=x"], ["price=x", "Price=y"]):
        with pytest.raises(BulqError):
            parse_mapping(texts)


def test_a_file_that_is_too_large(metro, settings):
    settings.CATALOGUE_MAX_MB = 1
    data = b"name,unit\n" + b"Rice,kg\n" * 200_000
    assert refusal(metro, data) == "This file has 2 MB. At most 1 are read; split it into several files."


def test_queries_do_not_grow_with_the_lines(metro):
    def queries(lines):
        text = "name,unit,price\n" + "".join(f"Product {lines} {n},kg,{n + 1}\n" for n in range(lines))
        with CaptureQueriesContext(connection) as captured:
            brought(metro, text)
        return len(captured)

    queries(1)
    assert queries(2) == queries(500)
