"""S5: text in a file that a spreadsheet opens stays text, in any locale."""

import csv
import json
import re
from pathlib import Path

import pytest
from django.urls import reverse

from accounts.models import User

from .test_access_matrix import make_world
from .test_payloads import OURS

pytestmark = pytest.mark.django_db
# As typed, and as it is in a cell.
FORMULAS = {
    "=1+1": "'=1+1", "+1": "'+1", "-1+1": "'-1+1", "@SUM(1)": "'@SUM(1)", "\t=1": "\t'=1", "\r=1": "\r'=1",
    '="x";y,\n"z"': "'=\"x\";y,\n\"z\"", "＝1+1": "'＝1+1", "＋1": "'＋1", "－1": "'－1", "＠A": "'＠A", "−1": "'−1",
    "﹦1": "'﹦1", " =1": " '=1", "\u00a0\u200b=1": "\u00a0\u200b'=1", '"=1"': "\"'=1\"", "'=1": "''=1",
    "oil;=1": "oil;'=1", "oil,+1": "oil,'+1", "oil\t-1": "oil\t'-1", "oil; ＝1;@A": "oil; '＝1;'@A",
    "oil\n=1": "oil\n'=1", 'oil";"=1': "oil\";\"'=1", 'oil"=1': "oil\"'=1", "oil|=1": "oil|'=1",
    "a-b, c+d @ e = f": "a-b, c+d @ e = f", "3 kg; 5 - 6": "3 kg; 5 - 6", "Ćevapi, “Жито” 🫒": "Ćevapi, “Жито” 🫒",
}  # fmt: skip
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"


@pytest.mark.slow
def test_no_cell_is_a_formula_and_no_text_is_lost():
    """S5: CSV cells that a spreadsheet would compute get an apostrophe; JSON says exactly what is stored."""
    scene = (world := make_world()).scene
    for text, safe in FORMULAS.items():
        User.objects.filter(pk=scene.eve.pk).update(name=text)
        type(scene.oil).objects.filter(pk=scene.oil.pk).update(name=text, brand=text, unit=text[:20])
        type(scene.group).objects.filter(pk=scene.group.pk).update(name=text)
        type(scene.store).objects.filter(pk=scene.store.pk).update(name=text)
        files = {
            name: world.clients["alice"].get(reverse(name, args=[scene.run.pk])) for name in ("run-csv", "run-json")
        }
        files["me-data"] = world.clients["eve"].get("/me/data/")
        for answer in files.values():
            assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer["Content-Disposition"], re.ASCII)
        rows = list(csv.reader(files["run-csv"].content.decode("utf-8-sig").splitlines(keepends=True)))
        cells = {(row[1], row[3], row[4], row[5]) for row in rows[1:] if row[2] == str(scene.oil.pk)}
        assert (safe, safe, safe, safe) in cells, text
        # However a spreadsheet of another locale splits the file, nothing begins with one of the characters.
        parts = re.split(r"[;,\t|\r\n\"]", files["run-csv"].content.decode("utf-8-sig"))
        texts = [part for part in parts if not re.fullmatch(r"-[0-9.]+", part)]
        assert not [part for part in texts if part.strip(" \u00a0\u200b'")[:1] in set(SIGNS) and "'" not in part]
        document = json.loads(files["run-json"].content)
        assert (document["run"]["group"], document["run"]["store"]) == (text, text)
        assert text in {row.get("name") for row in document["people"]} & {row["product"] for row in document["lines"]}
        assert json.dumps(text, ensure_ascii=False) in files["me-data"].text


def test_csv_is_written_in_one_place():
    """S5: every new file has to pass its cells through the same guard."""
    files = [path for app in OURS for path in Path(app).rglob("*.py") if "tests" not in path.parts]
    assert [str(path) for path in files if "csv.writer" in path.read_text()] == ["bulq/kit/tables.py"]
