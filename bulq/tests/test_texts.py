"""Spec 102, 105: the catalogues are complete, agree with their sources, and with what is compiled of them."""

import difflib
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from babel.messages.mofile import read_mo, write_mo

from bulq.checks import every_language_has_its_texts
from bulq.tests.architecture import ROOT
from dev import texts

PLACEHOLDERS = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}")
TAGS = re.compile(r"</?[a-z][^>]*>")
BACK = {letter: latin for latin, letter in (texts.DIGRAPHS | texts.LETTERS).items()}


def ids(message):
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def forms(message):
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def entries(language):
    return [message for message in texts.read(language) if message.id]


def mistakes(message, plurals=3):
    """What of a translated entry differs from its source."""
    if message.fuzzy or not all(forms(message)):
        yield "not translated"
    if len(forms(message)) != (plurals if len(ids(message)) == 2 else 1):
        yield "other plural forms"
    for form in forms(message):
        names = [set(PLACEHOLDERS.findall(text)) for text in ids(message)]
        if set(PLACEHOLDERS.findall(form)) != names[-1]:  # of a plural: the number stands in each form
            yield f"other placeholders: {form}"
        if Counter(TAGS.findall(form)) != Counter(TAGS.findall(ids(message)[0])):
            yield f"other tags: {form}"
        if (form[:1].isspace(), form[-1:].isspace()) != (ids(message)[0][:1].isspace(), ids(message)[0][-1:].isspace()):
            yield f"begins or ends with other spaces: {form}"
        if '"' in TAGS.sub("", form):
            yield f"straight quotation marks: {form}"


@pytest.mark.parametrize("language", texts.languages())
def test_every_text_is_translated_with_its_placeholders_and_markup(language):
    found = entries(language)
    plurals = texts.read(language).num_plurals
    assert len(found) > 2000
    assert [(message.id, wrong) for message in found for wrong in mistakes(message, plurals)] == []


@pytest.mark.parametrize(
    ("source", "translated", "wrong"),
    [
        ("Save", "", "not translated"),
        ("Hi %(name)s", "Привет", "other placeholders"),
        ("<b>Hi</b>", "<i>Привет</i>", "other tags"),
        ("Hi", "Привет ", "other spaces"),
        ("Hi", 'Привет "всем"', "straight quotation marks"),
        (("%(n)s thing", "%(n)s things"), ("вещь", "%(n)s вещи", "%(n)s вещей"), "other placeholders"),
        (("%(n)s thing", "%(n)s things"), ("%(n)s вещь", "%(n)s вещи"), "other plural forms"),
    ],
)
def test_each_mistake_is_seen(source, translated, wrong):
    message = next(iter(entries("ru"))).clone()
    message.id, message.string = source, translated
    assert wrong in " ".join(mistakes(message))


@pytest.mark.parametrize("language", texts.languages())
def test_what_is_compiled_says_the_same(language):
    with texts.path_of(language, "mo").open("rb") as file:
        compiled = [message for message in read_mo(file) if message.id]
    said = {(ids(message), message.context and message.context.decode()): forms(message) for message in compiled}
    assert said == {(ids(message), message.context): forms(message) for message in entries(language)}


def test_a_language_without_its_compiled_texts_stops_a_release(settings, tmp_path):
    """It would be English, without a word."""
    assert every_language_has_its_texts(None) == []
    shutil.copytree(texts.LOCALE, tmp_path / "locale")
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    assert every_language_has_its_texts(None) == []
    (tmp_path / "locale/sr/LC_MESSAGES/django.mo").unlink()
    catalogue = texts.read("ru")
    catalogue.delete("Page not found")
    with (tmp_path / "locale/ru/LC_MESSAGES/django.mo").open("wb") as file:
        write_mo(file, catalogue)
    count = len(entries("ru"))
    expected = [f"Српски has 0 of {count + 1} texts", f"Русский has {count} of {count + 1} texts"]
    assert [error.msg.partition(",")[0] for error in every_language_has_its_texts(None)] == expected
    settings.LOCALE_PATHS = []
    assert len(every_language_has_its_texts(None)) == 3


def test_every_language_has_the_same_entries():
    keys = [{(message.id, message.context) for message in entries(language)} for language in texts.languages()]
    assert all(found == keys[0] for found in keys)


# --- The sources -----------------------------------------------------------------------------------
def copy_of_the_sources(folder):
    unneeded = shutil.ignore_patterns(".*", "__pycache__", "benchmarks", "docs")
    return shutil.copytree(ROOT, folder / "copy", ignore=unneeded)


def changed_by_refreshing(tree):
    """What `make texts` changes in the catalogues there."""
    answer = subprocess.run([sys.executable, "-m", "dev.texts"], cwd=tree, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    for file in sorted(tree.glob("locale/*/LC_MESSAGES/django.po")):
        before = (ROOT / file.relative_to(tree)).read_text(encoding="utf-8").splitlines()
        lines = difflib.unified_diff(before, file.read_text(encoding="utf-8").splitlines(), n=0, lineterm="")
        yield from (line for line in lines if re.match(r"[-+](#,|#~|msg)", line))


def test_the_catalogues_hold_what_the_sources_say(tmp_path):
    """Nothing is missing, nothing is left over; gettext is needed, as `make texts` says where it is not."""
    assert list(changed_by_refreshing(copy_of_the_sources(tmp_path))) == []


def test_without_gettext_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="apt-get install gettext"):
        texts.extract()


@pytest.mark.slow
def test_a_text_that_is_new_or_gone_is_noticed(tmp_path):
    tree = copy_of_the_sources(tmp_path)
    (tree / "templates/sample.html").write_text('{% load i18n %}{% translate "Seven green bottles" %}')
    (tree / "templates/404.html").unlink()
    changed = list(changed_by_refreshing(tree))
    assert changed.count('+msgid "Seven green bottles"') == len(texts.languages())
    assert '-msgid "Page not found"' in changed


# --- Serbian in Cyrillic -----------------------------------------------------------------------------
def test_the_cyrillic_catalogue_is_what_the_script_makes():
    assert texts.path_of(texts.CYRILLIC).read_text(encoding="utf-8") == texts.cyrillic_catalogue()


@pytest.mark.parametrize(
    ("latin", "cyrillic"),
    [
        ("Njegov džem je bolji", "Његов џем је бољи"),
        ("LJUBLJANA, Ljubljana", "ЉУБЉАНА, Љубљана"),
        ("injekcija, konjunktura, nadživeti", "инјекција, конјунктура, надживети"),
        ("Tanjug, TANJUG, vanjezički, odžaliti", "Танјуг, ТАНЈУГ, ванјезички, оджалити"),
        ("konj, konjušar, odžak, nadžak, DŽEZ, Džez, džez", "коњ, коњушар, оџак, наџак, ЏЕЗ, Џез, џез"),
        ("Đorđe, ĐAČKI, ljuljaška, njihanje", "Ђорђе, ЂАЧКИ, љуљашка, њихање"),
        ("da/ne/možda, slova a–z, deo XIV", "да/не/можда, слова a–z, део XIV"),
        ("WINDOWS, Windows, New York, Taxi", "WINDOWS, Windows, New York, Taxi"),
        ('<a href="/me/nova/" title="x">Nova</a>&nbsp;{ime}', '<a href="/me/nova/" title="x">Нова</a>&nbsp;{ime}'),
        ("https://bulq.example/join/ana, ana@example.org", "https://bulq.example/join/ana, ana@example.org"),
        ("NAME menja: PRODUCT, AMOUNT", "NAME мења: PRODUCT, AMOUNT"),
        ("Pošaljite CSV u Bulq, %(count)s puta", "Пошаљите CSV у Bulq, %(count)s пута"),
        ("<b>%(name)s</b> vodi", "<b>%(name)s</b> води"),
        ("5 kg po 7,40 EUR na /join/", "5 kg по 7,40 EUR на /join/"),
        ("100 %% sigurno", "100 %% сигурно"),
    ],
)
def test_from_latin_to_cyrillic(latin, cyrillic):
    assert texts.cyrillic(latin) == cyrillic


def test_cyrillic_leads_back_to_latin():
    for latin, made in zip(entries(texts.LATIN), entries(texts.CYRILLIC), strict=True):
        for before, after in zip(forms(latin), forms(made), strict=True):
            back = "".join(
                BACK.get(letter) or (BACK[letter.lower()].capitalize() if letter.lower() in BACK else letter)
                for letter in after
            )
            assert back.casefold() == before.casefold()
