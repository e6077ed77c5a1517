"""Bringing a catalogue in Chromium: a large file in parts, a page that keeps itself up to date, and without scripts."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.tests.factories import make_user
from stores.actions import uploads
from stores.models import CatalogueFile, CatalogueImport, Product
from stores.tasks import bring_catalogues
from stores.tests.factories import make_store

from .test_accessibility import AXE
from .test_admin import problems_of
from .test_live import NETWORK

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def root():
    return make_user("Root", is_staff=True, is_superuser=True)


@pytest.fixture
def large(tmp_path):
    """Three parts, with five lines that are read."""
    path = tmp_path / "large.csv"
    lines = [f"Product {number},kg,{number + 1}" for number in range(5)]
    path.write_bytes(b"name,unit,price\n" + "\n".join(lines).encode() + b"\n," * uploads.PART)
    return path


def add(store):
    return f"{reverse('admin:stores_catalogueimport_add')}?store={store.pk}"


def test_a_large_file_is_sent_in_parts_and_its_page_follows_the_worker(enter, root, large):
    page, store, problems = enter(root, reduced_motion="reduce"), make_store("Metro"), []
    page.goto(add(store))
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#row-file .errorlist")).to_have_text("Choose the file with the catalogue")
    problems += problems_of(page, "a refused form")
    page.set_viewport_size({"width": 1280, "height": 844})
    page.locator("#id_file").set_input_files(large)
    page.get_by_label("Bring it for real").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("It waits for the worker.")).to_be_visible()
    file = CatalogueFile.objects.get()
    assert (file.name, file.parts.count()) == ("large.csv", 3)
    assert b"".join(file.read()) == large.read_bytes()
    problems += problems_of(page, "waiting")
    bring_catalogues()
    expect(page.get_by_text("The catalogue has been brought.")).to_be_visible(timeout=20_000)
    problems += problems_of(page, "the report")
    page.get_by_role("button", name="I have read it").click()
    expect(page.get_by_text("was deleted successfully")).to_be_visible()
    assert Product.objects.count() == 5
    assert not CatalogueFile.objects.exists()
    assert not problems, "\n".join(problems)


def test_a_part_that_is_lost_is_sent_again(enter, root, large):
    page, store, lost = enter(root, ignore=NETWORK), make_store("Metro"), []

    def lose(route):
        if len(lost) < 2:
            lost.append(route)
            route.abort()
        else:
            route.continue_()

    page.route("**/catalogueimport/part/", lose)
    page.goto(add(store))
    page.locator("#id_file").set_input_files(large)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("It waits for the worker.")).to_be_visible(timeout=20_000)
    assert len(lost) == 2
    assert CatalogueFile.objects.get().is_complete


def test_a_file_that_is_too_large_is_not_sent_at_all(enter, root, large, settings):
    settings.CATALOGUE_MAX_MB = 1
    page, store, sent = enter(root), make_store("Metro"), []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.goto(add(store))
    page.locator("#id_file").set_input_files(large)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#row-file [role=alert]")).to_contain_text("This file is too large")
    page.evaluate(AXE)
    assert sent == []


def test_without_scripts_a_small_file_is_sent_and_the_page_reloaded(enter, root, tmp_path):
    small = tmp_path / "small.csv"
    small.write_text("name,unit\nOil,l\n")
    page, store = enter(root, java_script_enabled=False), make_store("Metro")
    page.goto(add(store))
    expect(page.get_by_text("Without scripts, the file can have at most 0.9 MB.")).to_be_visible()
    page.locator("#id_file").set_input_files(small)
    page.get_by_label("Dry run").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("It waits for the worker.")).to_be_visible()
    bring_catalogues()
    page.reload()
    expect(page.get_by_text("This was a dry run")).to_be_visible()
    page.get_by_role("button", name="Bring it for real").click()
    expect(page.get_by_text("It waits for the worker.")).to_be_visible()
    assert [job.is_rehearsal for job in CatalogueImport.objects.order_by("pk")] == [True, False]
