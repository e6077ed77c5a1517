"""D9, K2: no matter when the worker dies in the middle of an import, the next one finishes it, and nothing is twice."""

import time

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from accounts.tests.factories import make_user
from bids.tests.test_crashes import killed_at
from stores.actions import uploads
from stores.importing import bringing
from stores.importing.jobs import bring_due, is_under_way
from stores.models import CatalogueImport, Offer, Price, Product, Store

from .factories import make_offer, make_product, make_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
LINES = [
    *("Oil,l,3.10,5", "Rice,kg,2,", "Oil,l,3.20,9", "Salt,kg,x,", "Flour,kg,1.20,10", "Rice,kg,2,", "Rice,kg,2.50,"),
    *("Sugar,kg,1,", "Beans,kg,4,2"),
]
FILE = "name,unit,price,pack\n" + "\n".join(LINES)
MOST_WRITES = 300


def ask(*, is_rehearsal=False):
    """An import that waits, into a store that sells one of the things for another price."""
    root, metro = make_user("Root", is_staff=True, is_superuser=True), make_store("Metro")
    make_offer(make_product("Rice", unit="kg", kind="divisible"), metro, price=1)
    file = uploads.keep_file(SimpleUploadedFile("a.csv", FILE.encode()), name="a.csv", by=root)
    return uploads.ask_for_import(file, metro, by=root, is_rehearsal=is_rehearsal)


def result():
    """What the catalogue has, and what the report says."""
    job = CatalogueImport.objects.get()
    offers = Offer.objects.order_by("product__name").values_list("product__name", "pack_size", "note")
    prices = Price.objects.order_by("offer__product__name", "amount").values_list("offer__product__name", "amount")
    return {
        "offers": list(offers), "prices": list(prices), "products": Product.objects.count(), "counts": job.counts,
        "report": b"".join(job.report.read()) if job.report else b"", "state": job.state,
        "logged": LogEntry.objects.count(),
    }  # fmt: skip


def forget():
    uploads.forget(CatalogueImport.objects.all())
    for model in (LogEntry, Price, Offer, Product, Store, User):
        model.objects.all().delete()


@pytest.mark.parametrize("is_rehearsal", [False, True])
def test_an_import_that_is_killed_is_finished_by_the_next_worker(is_rehearsal, monkeypatch):
    monkeypatch.setattr(bringing, "BATCH", 2)
    ask(is_rehearsal=is_rehearsal)
    bring_due()
    whole = result()
    assert whole["state"] == "done"
    write, seen = 1, set()
    while True:
        forget()
        ask(is_rehearsal=is_rehearsal)
        before = result()
        if not killed_at(write, lambda _scene: bring_due(), None):
            break
        left = result()
        lines = left["report"].count(b"\n")
        seen.add(lines)
        # The report and the catalogue are always of the same lines.
        assert sum(left["counts"].values()) == max(0, lines - 1), write
        if is_rehearsal:
            assert left["prices"] == before["prices"], write
        while is_under_way():  # PostgreSQL needs a moment to see that the process is gone
            time.sleep(0.01)
        bring_due()
        assert result() == whole, f"killed before write {write}"
        write += 1
        assert write < MOST_WRITES
    assert seen == {0} if is_rehearsal else len(seen) > 4  # a rehearsal writes its report at once
    assert result() == whole
