"""Spec 100 in the site admin: a file is sent, the worker brings it, and the report says what became of each line."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import make_user
from bids.actions.merging import merge
from bulq.kit.locks import work_lock
from bulq.models import Heartbeat
from bulq.tests.client import signed_in
from bulq.tests.test_office import queries
from stores.actions import uploads
from stores.importing import bringing
from stores.importing.jobs import LOCK
from stores.models import CatalogueFile, CatalogueFilePart, CatalogueImport, Offer, Product
from stores.tasks import bring_catalogues, forget_old_catalogues
from stores.tests.bringing import everything
from stores.tests.factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db
ADD = "/admin/stores/catalogueimport/add/"
PART = "/admin/stores/catalogueimport/part/"
OFFERS = "/admin/stores/store/{}/offers/"
CSV = "Naziv;JM;Cena;Boja\nŽito;kg;2,50;žuta\nLoše;kg;1.234;\n"


@pytest.fixture
def root():
    return make_user("Root", is_staff=True, is_superuser=True)


@pytest.fixture
def as_root(root):
    return signed_in(root)


@pytest.fixture
def metro():
    return make_store("Metro")


def page_of(job):
    return f"/admin/stores/catalogueimport/{job.pk}/change/"


def sent(client, at, content=CSV, name="prices.csv", **fields):
    data = content if isinstance(content, bytes) else content.encode()
    file = {"file": SimpleUploadedFile(name, data)} if name else {}
    return client.post(ADD, {"store": at.pk, "is_rehearsal": "no", **file, **fields})


def brought(client, at, content=CSV, **fields):
    assert sent(client, at, content, **fields).status_code == 302
    bring_catalogues()
    return CatalogueImport.objects.order_by("pk").last()


def report_of(client, job):
    text = client.get(f"/admin/stores/catalogueimport/{job.pk}/report/").getvalue().decode("utf-8-sig")
    return list(csv.reader(text.splitlines()))


# --- The way it goes -------------------------------------------------------------------------------
def test_a_file_is_sent_brought_and_reported(as_root, metro):
    answer = sent(as_root, metro)
    job = CatalogueImport.objects.get()
    assert answer["Location"] == page_of(job)
    assert "It waits for the worker." in as_root.get(page_of(job)).text
    assert not Product.objects.exists()
    bring_catalogues()
    assert Product.objects.get().name == "Žito"
    page = as_root.get(page_of(job)).text
    assert "The catalogue has been brought." in page
    assert "Columns left out: Boja" in page
    assert report_of(as_root, job) == [
        ["line", "name", "outcome", "reason"],
        ["2", "Žito", "new", ""],
        ["3", "", "skipped", "Cena: “1.234” can be read in two ways. Write 1234 or 1.23"],
    ]
    job.refresh_from_db()
    assert (job.state, job.counts) == ("done", {"new": 1, "skipped": 1})


def test_a_dry_run_changes_nothing_and_then_the_same_file_is_brought_for_real(as_root, metro):
    before = everything()
    job = brought(as_root, metro, is_rehearsal="yes")
    assert everything() == before
    page = as_root.get(page_of(job)).text
    assert "This was a dry run: nothing has been changed." in page
    assert "Bring it for real" in page
    assert len(report_of(as_root, job)) == 3
    real = brought(as_root, metro, name="", upload=job.file_id)
    assert (real.file, real.counts) == (job.file, job.counts)
    assert Product.objects.count() == 1


def test_every_import_is_in_the_log_of_its_store(as_root, metro, root):
    brought(as_root, metro, is_rehearsal="yes")
    job = brought(as_root, metro)
    uploads.forget([job])
    entries = LogEntry.objects.order_by("pk")
    assert {(entry.user, entry.object_id) for entry in entries} == {(root, str(metro.pk))}
    assert [entry.get_change_message() for entry in entries] == [
        "Asked for a dry run of “prices.csv”.",
        "Dry run of “prices.csv”: 1 new, 0 changed, 0 equal, 1 skipped.",
        "Asked to bring “prices.csv”.",
        "“prices.csv”: 1 new, 0 changed, 0 equal, 1 skipped.",
    ]


def test_a_guessed_encoding_is_told_with_names_and_can_be_chosen(as_root, metro):
    job = brought(as_root, metro, "name,unit\nČvarci,kg\n".encode("cp1250"), is_rehearsal="yes")
    assert "Èvarci" in as_root.get(page_of(job)).text
    form = as_root.get(f"{ADD}?again={job.pk}").context["form"]
    assert (form["store"].value(), form["upload"].value()) == (metro.pk, str(job.file_id))
    brought(as_root, metro, name="", upload=job.file_id, encoding="cp1252")
    assert Product.objects.get().name == "Èvarci"


def test_columns_can_be_given(as_root, metro):
    job = brought(as_root, metro, columns="note=Boja\r\nprice=\r\n")
    assert set(Product.objects.values_list("name", flat=True)) == {"Žito", "Loše"}
    assert Offer.objects.get(product__name="Žito").note == "žuta"
    assert "note=Boja" in as_root.get(f"{ADD}?again={job.pk}").text


# --- In parts --------------------------------------------------------------------------------------
def part_of(client, content, number, upload, size=None):
    data = content[number * uploads.PART :][: uploads.PART]
    fields = {"upload": upload, "number": number, "size": len(content) if size is None else size}
    return client.post(PART, {**fields, "part": SimpleUploadedFile("large.csv", data)})


def test_a_large_file_is_sent_in_parts_each_stored_once_in_any_order(as_root, metro):
    lines = "".join(f"Product {number},kg,{'x' * 300}\n" for number in range(6000))
    content, upload = f"name,unit,colour\n{lines}".encode(), uuid4()
    for number in (1, 0, 2, 1):
        assert part_of(as_root, content, number, upload).status_code == 204
    assert b"".join(CatalogueFile.objects.get().read()) == content
    job = brought(as_root, metro, name="", upload=upload)
    assert job.counts == {"new": 6000}
    assert job.report.parts.count() == 6
    assert len(report_of(as_root, job)) == 6001


def test_a_file_of_which_a_part_is_missing_is_refused(as_root, metro):
    content, upload = b"x" * (uploads.PART + 5), uuid4()
    part_of(as_root, content, 1, upload)
    answer = sent(as_root, metro, name="", upload=upload)
    assert answer.status_code == 409
    assert "or only part of it. Choose it again." in answer.text


def test_parts_that_do_not_fit_are_refused_in_words(as_root, settings):
    settings.CATALOGUE_MAX_MB = 1
    content, upload = b"name\n" * 10, uuid4()
    assert part_of(as_root, content, 0, upload).status_code == 204
    for size, number, sentence in (
        (51, 0, "The file has changed while it was sent."),
        (50, 1, "The file has changed while it was sent."),
        (2 << 20, 0, "This file has 2 MB. At most 1 are read"),
        (0, 0, "This file is empty."),
        (10**30, 0, "This part can't be read."),
        ("x", "y", "This part can't be read."),
    ):
        fields = {"upload": upload, "number": number, "size": size, "part": SimpleUploadedFile("a.csv", content)}
        answer = as_root.post(PART, fields)
        assert answer.status_code in (400, 422)
        assert answer.text.startswith(sentence)
    assert CatalogueFilePart.objects.count() == 1


def test_a_new_file_takes_the_place_of_one_that_was_never_brought(as_root, metro):
    kept = brought(as_root, metro).file
    for _time in range(3):
        part_of(as_root, b"name,unit\nOil,l\n", 0, uuid4())
    assert CatalogueFile.objects.filter(imports=None, report_of=None).count() == 1
    assert CatalogueFile.objects.filter(pk=kept.pk).exists()


# --- Bad input -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "fields", "field", "sentence"),
    [
        (b"", {}, "file", "This file is empty."),
        (b"PK\x03\x04\x81 \xe0name\n", {}, "file", "The first line can't be read. Is this a CSV file?"),
        (b"name,Naziv\n", {}, "columns", "could both be the name"),
        (b"a,b\n1,2\n", {}, "columns", "No column has the names of the products."),
        (b"name,unit\n", {"columns": "price=Cena"}, "columns", "There is no column “Cena” in this file."),
        (b"name,unit\n", {"columns": "prize=Cena"}, "columns", "“prize=Cena” has to be one of"),
        (b"name,unit\n", {"encoding": "x"}, "encoding", "Choose one of the list"),
        (b"name,unit\n", {"is_rehearsal": "x"}, "is_rehearsal", "Choose one of the two"),
        (b"name,unit\n", {"store": "1' OR 1=1"}, "store", "This store is gone."),
        (b"x" * 1_100_000, {}, "file", "This file has 2 MB. At most 1 are read; split it into several files."),
    ],
)
def test_bad_input_has_a_sentence_at_its_field(as_root, metro, settings, content, fields, field, sentence):
    settings.CATALOGUE_MAX_MB = 1
    answer = sent(as_root, metro, content, **fields)
    assert answer.status_code == 422
    assert sentence in " ".join(answer.context["form"].errors[field])
    assert not CatalogueImport.objects.exists()


def test_no_file_at_all_and_one_of_someone_else(as_root, metro):
    assert "Choose the file with the catalogue" in sent(as_root, metro, name="").text
    other = make_user("Other", is_staff=True, is_superuser=True)
    file = uploads.keep_file(SimpleUploadedFile("a.csv", b"name\n"), name="a.csv", by=other)
    assert "This file is no longer here" in sent(as_root, metro, name="", upload=file.pk).text
    assert part_of(as_root, b"name\n", 0, file.pk).status_code == 422


def test_a_refused_form_keeps_its_file(as_root, metro):
    answer = sent(as_root, metro, b"name,unit\nOil,l\n", columns="price=Cena")
    assert "“prices.csv” is here already." in answer.text
    brought(as_root, metro, name="", upload=answer.context["form"]["upload"].value())
    assert Product.objects.get().name == "Oil"


def test_what_only_the_worker_finds_out_is_said_on_the_page(as_root, metro):
    job = brought(as_root, metro, "name,unit,currency\nOil,l,XYZ\n")
    page = as_root.get(page_of(job)).text
    assert "Nothing could be read." in page
    assert "“XYZ” is not a currency" in str(report_of(as_root, job))


# --- The worker ------------------------------------------------------------------------------------
def test_a_task_that_comes_twice_or_at_the_same_time_brings_once(as_root, metro):
    sent(as_root, metro)
    job = CatalogueImport.objects.get()
    with work_lock(LOCK):  # another worker
        bring_catalogues()
        assert CatalogueImport.objects.get().state == "waiting"
    bring_catalogues()
    done = everything(), LogEntry.objects.count()
    bring_catalogues()
    assert (everything(), LogEntry.objects.count()) == done
    assert CatalogueImport.objects.get(pk=job.pk).attempts == 1


def test_a_form_sent_twice_is_one_import(as_root, metro):
    first = sent(as_root, metro)
    upload = CatalogueImport.objects.get().file_id
    assert sent(as_root, metro, name="", upload=upload)["Location"] == first["Location"]
    assert CatalogueImport.objects.count() == 1


def test_the_page_says_what_the_worker_is_doing(as_root, metro):
    sent(as_root, metro)
    job = CatalogueImport.objects.get()
    assert "The worker has not been seen yet." in as_root.get(page_of(job)).text
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(hours=2))
    assert "it was last seen 2" in as_root.get(page_of(job)).text
    Heartbeat.objects.update(at=timezone.now())
    assert "The worker is not running" not in as_root.get(page_of(job)).text
    CatalogueImport.objects.update(state="running")
    assert "The worker was stopped in the middle of it." in as_root.get(page_of(job)).text
    with work_lock(LOCK):
        assert "The catalogue is being brought." in as_root.get(page_of(job)).text


def test_an_import_that_stops_its_worker_each_time_is_given_up(as_root, metro):
    sent(as_root, metro)
    CatalogueImport.objects.update(state="running", attempts=3)
    bring_catalogues()
    job = CatalogueImport.objects.get()
    assert job.state == "failed"
    assert "Tried 3 times" in as_root.get(page_of(job)).text


def test_an_admin_who_lost_the_right_meanwhile_brings_nothing(as_root, metro, root):
    sent(as_root, metro)
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    bring_catalogues()
    assert CatalogueImport.objects.get().error == "Root may no longer bring catalogues."
    assert not Product.objects.exists()


def test_a_store_that_is_merged_takes_its_imports_along(as_root, metro, root):
    sent(as_root, metro)
    merge(metro, make_store("Makro"), by=root)
    bring_catalogues()
    assert Offer.objects.get().store.name == "Makro"


def test_one_that_is_deleted_before_its_turn_does_nothing(as_root, metro):
    sent(as_root, metro)
    job = CatalogueImport.objects.get()
    assert as_root.post(f"/admin/stores/catalogueimport/{job.pk}/delete/", {"post": "yes"}).status_code == 302
    bring_catalogues()
    assert not Product.objects.exists()
    assert not CatalogueFile.objects.exists()


def test_one_that_is_deleted_in_the_middle_stops_after_whole_lines(as_root, metro, monkeypatch):
    monkeypatch.setattr(bringing, "BATCH", 1)
    sent(as_root, metro, "name,unit\n" + "".join(f"Product {number},kg\n" for number in range(5)))
    told = []

    def delete_in_the_third(execute, sql, *arguments):
        if sql.startswith('INSERT INTO "stores_offer"'):
            told.append(sql)
            if len(told) == 3:
                CatalogueImport.objects.all().delete()
        return execute(sql, *arguments)

    with connection.execute_wrapper(delete_in_the_third):
        bring_catalogues()
    assert Product.objects.count() == Offer.objects.count() == 2
    # Deleted in the transaction of the lines, so that is taken back too.
    assert CatalogueImport.objects.get().error == "This import has been deleted meanwhile."


# --- How long it is kept ---------------------------------------------------------------------------
def test_file_and_report_are_kept_until_they_are_read_and_a_week_at_most(as_root, metro):
    jobs = [brought(as_root, metro), brought(as_root, metro)]
    as_root.post(f"/admin/stores/catalogueimport/{jobs[0].pk}/delete/", {"post": "yes"})
    assert CatalogueFile.objects.count() == 2  # file and report of the other
    forget_old_catalogues()
    assert CatalogueFile.objects.count() == 2
    old = timezone.now() - timedelta(days=8)
    CatalogueImport.objects.update(asked_at=old)
    forget_old_catalogues()
    assert (CatalogueImport.objects.count(), CatalogueFile.objects.count()) == (0, 0)
    part_of(as_root, b"name\n", 0, uuid4())
    CatalogueFile.objects.update(created_at=old)
    forget_old_catalogues()
    assert not CatalogueFilePart.objects.exists()


def test_a_file_that_another_import_needs_stays(as_root, metro):
    first = brought(as_root, metro, is_rehearsal="yes")
    brought(as_root, metro, name="", upload=first.file_id)
    as_root.post(f"/admin/stores/catalogueimport/{first.pk}/delete/", {"post": "yes"})
    assert CatalogueFile.objects.filter(pk=first.file_id).exists()


# --- Rights ----------------------------------------------------------------------------------------
def test_who_may_not_add_one_sends_nothing(metro):
    clerk = make_user("Clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_catalogueimport"))
    client = signed_in(clerk)
    assert client.get(ADD).status_code == 403
    assert sent(client, metro).status_code == 403
    assert part_of(client, b"name\n", 0, uuid4()).status_code == 403
    assert not CatalogueFile.objects.exists()
    assert "Bring a catalogue" not in client.get("/admin/stores/catalogueimport/").text


def test_who_may_not_view_them_sees_neither_page_nor_report(as_root, metro):
    job = brought(as_root, metro)
    client = signed_in(make_user("Clerk", is_staff=True))
    for url in (
        page_of(job),
        f"/admin/stores/catalogueimport/{job.pk}/report/",
        OFFERS.format(metro.pk),
    ):
        assert client.get(url).status_code == 403
    assert as_root.get("/admin/stores/catalogueimport/999/report/").status_code == 404


def test_the_list_takes_as_many_queries_for_many_as_for_one(as_root, metro):
    job = brought(as_root, metro)
    few = queries(as_root, "/admin/stores/catalogueimport/"), queries(as_root, page_of(job))
    for _time in range(10):
        brought(as_root, make_store())
    assert (queries(as_root, "/admin/stores/catalogueimport/"), queries(as_root, page_of(job))) == few


# --- Export ----------------------------------------------------------------------------------------
def test_what_was_exported_can_be_imported(as_root, metro):
    make_offer(make_product("Šećer", brand="=x"), metro, pack_size=10, price="12", quantity=10)
    make_offer(make_product("Oil"), metro)
    page = as_root.get(f"/admin/stores/store/{metro.pk}/change/").text
    assert OFFERS.format(metro.pk) in page
    assert f"{ADD}?store={metro.pk}" in page
    file = as_root.get(OFFERS.format(metro.pk)).content
    before = everything()
    assert brought(as_root, metro, file).counts == {"equal": 2}
    assert everything() == before
    other = make_store("Other")
    assert brought(as_root, other, file).counts == {"new": 2}
    again = as_root.get(OFFERS.format(other.pk)).content
    assert list(csv.reader(io.StringIO(again.decode()))) == list(csv.reader(io.StringIO(file.decode())))
