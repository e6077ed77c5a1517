"""Django's admin: every model can be listed, searched and filtered with few queries, and a run can only be viewed."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tests.factories import make_user
from bids import states
from bids.models import Run
from bids.tests.stages import stage
from bulq.tests.client import signed_in

pytestmark = pytest.mark.django_db
OURS = {"accounts", "stores", "bids", "bulq"}
# Shown within another model's page, or only a link between two; the random tokens of the cache; and queued work of the
# worker.
ELSEWHERE = {
    "CatalogueFile",
    "CatalogueFilePart",
    "Membership",
    "Generation",
    "ResetRequest",
    "HowToPay",
    "ForwardedProduct",
    "ForwardedStore",
    "ProductPair",
    "StorePair",
    "CalendarEntry",
    "TakenInstead",
}
MODELS = sorted(
    (model for model in admin.site._registry if model._meta.app_label in OURS), key=lambda model: model._meta.label
)
MOST = 16


@pytest.fixture
def site_admin():
    return signed_in(make_user("Root", is_staff=True, is_superuser=True))


def _list_url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_every_model_is_in_the_admin():
    known = {model for label in OURS for model in apps.get_app_config(label).get_models()}
    assert {model.__name__ for model in known - set(MODELS)} <= ELSEWHERE


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_are_searched_and_filtered_with_few_queries(site_admin, model):
    stage(states.DISTRIBUTING)
    url = _list_url(model)
    with CaptureQueriesContext(connection) as few:
        assert site_admin.get(url, follow=True).status_code == 200
    stage(states.COMPLETED)
    stage(states.COMPLETED)
    with CaptureQueriesContext(connection) as many:
        assert site_admin.get(url, follow=True).status_code == 200
    assert len(many) <= max(len(few), MOST)
    if admin.site._registry[model].search_fields:
        assert site_admin.get(url, {"q": "ali%"}).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_row_opens(site_admin, model):
    stage(states.DISTRIBUTING)
    row = model.objects.first()
    if row is not None:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        assert site_admin.get(reverse(name, args=[row.pk])).status_code == 200


def test_the_state_of_a_run_cannot_be_changed(site_admin):
    scene = stage(states.ACTIVE)
    url = reverse("admin:bids_run_change", args=[scene.run.pk])
    page = site_admin.get(url).content.decode()
    assert 'name="state"' not in page
    site_admin.post(url, {"state": "completed", "leader": scene.bob.pk, "day": "", "note": "from the admin"})
    run = Run.objects.get(pk=scene.run.pk)
    assert (run.state, run.leader, run.note) == ("active", scene.alice, "from the admin")


@pytest.mark.parametrize("action", ["add", "delete"])
def test_runs_cannot_be_added_or_deleted(site_admin, action):
    scene = stage(states.ACTIVE)
    args = [scene.run.pk] if action == "delete" else []
    assert site_admin.get(reverse(f"admin:bids_run_{action}", args=args)).status_code == 403


def test_people_who_are_not_site_admins_do_not_get_in():
    answer = signed_in(make_user("Alice")).get(_list_url(Run))
    assert answer.status_code == 302
