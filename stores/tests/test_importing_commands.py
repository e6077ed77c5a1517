"""The commands that bring a catalogue, and write one."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command

from stores.models import Product

from .factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db


def command(name, *arguments, **options):
    output = io.StringIO()
    call_command(name, *map(str, arguments), stdout=output, stderr=io.StringIO(), **options)
    return output.getvalue()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "catalogue.csv"
    path.write_bytes("Naziv;JM;Cena;Boja\nŽito;kg;2,50;žuta\nLoše;kg;1.234;\n".encode("cp1250"))
    return path


def test_the_report_says_what_happened(metro, file, tmp_path):
    dry = command("import_catalogue", file, "--store", "METRO", "--dry-run")
    assert not Product.objects.exists()
    rows = tmp_path / "report.csv"
    real = command("import_catalogue", file, "--store", "metro", "--report", rows)
    assert dry == real + "This was a dry run: nothing has been changed.\n"
    assert real == (
        "Line 3: Cena: “1.234” can be read in two ways. Write 1234 or 1.23\n"
        "Columns left out: Boja.\n"
        "2 lines: 1 new, 0 changed, 0 equal, 1 skipped.\n"
    )
    assert list(csv.reader(rows.read_text("utf-8-sig").splitlines())) == [
        ["line", "name", "outcome", "reason"],
        ["2", "Žito", "new", ""],
        ["3", "", "skipped", "Cena: “1.234” can be read in two ways. Write 1234 or 1.23"],
    ]
    assert "1 equal" in command("import_catalogue", file, "--store", "metro")


def test_columns_and_encoding_can_be_given(metro, file):
    command("import_catalogue", file, "--store", "Metro", "--encoding", "cp1252", "--map", "note=Boja", "price=")
    assert set(Product.objects.values_list("name", flat=True)) == {"Žito", "Loše"}


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        (b"name,unit\nRice,\n", [], "Nothing could be read."),
        (b"name,unit\n", [], "Nothing could be read."),
        (b"", [], "This file is empty."),
        (b"name\n", ["--map", "name=x"], "There is no column “x” in this file."),
    ],
)
def test_exit_code_1_when_nothing_could_be_read(metro, tmp_path, content, arguments, sentence):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(CommandError, match=sentence) as error:
        command("import_catalogue", tmp_path / "a.csv", "--store", "Metro", *arguments)
    assert error.value.returncode == 1


def test_a_store_or_file_that_is_not_there(metro, tmp_path):
    for name in ("import_catalogue", "export_offers"):
        with pytest.raises(CommandError, match="There is no store called “Netro”"):
            command(name, __file__, "--store", "Netro")
        with pytest.raises(CommandError, match="No such file or directory"):
            command(name, tmp_path / "no" / "such.csv", "--store", "Metro")
        with pytest.raises(CommandError, match="Is a directory"):
            command(name, tmp_path, "--store", "Metro")


def test_what_a_store_sells_is_written_and_brought_to_another(metro, tmp_path):
    make_offer(make_product("Šećer", brand="=x"), metro, pack_size=10, price="12", quantity=10)
    make_store("Other")
    command("export_offers", tmp_path / "a.csv", "--store", "Metro")
    assert "1 equal" in command("import_catalogue", tmp_path / "a.csv", "--store", "Metro")
    assert "1 new" in command("import_catalogue", tmp_path / "a.csv", "--store", "Other")
    assert Product.objects.count() == 1
