"""D6, spec 73: a form sent twice has one effect and gets the first answer."""

import uuid
from datetime import timedelta
from functools import partial

import pytest
from django.contrib import messages
from django.db import connection, transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Group, Membership, User
from accounts.tests.factories import PASSWORD, make_group, make_user
from accounts.tests.racing import race
from bulq import tasks
from bulq.middleware import moments
from bulq.models import SentForm
from bulq.tests.client import FormClient, signed_in
from bulq.urls import urlpatterns as the_site

NEW_GROUP = "/groups/new/"
CLUB = {"name": "Thursday Club", "currency": "EUR"}


@pytest.fixture
def alice(db):
    return make_user("Alice")


@pytest.fixture
def as_alice(alice):
    return signed_in(alice)


def form(**fields):
    return CLUB | {"once": str(uuid.uuid4())} | fields


# --- One form, several times -----------------------------------------------------------------------
def test_the_same_form_twice_makes_one_group_and_one_answer(as_alice):
    """D6: the redirect is the same, and the page after it shows the message."""
    sent = form()
    first, second = as_alice.post(NEW_GROUP, sent), as_alice.post(NEW_GROUP, sent)
    assert first.status_code == second.status_code == 302
    assert first["Location"] == second["Location"]
    assert Group.objects.count() == 1
    assert "Your group is ready" in as_alice.get(second["Location"]).text


def test_an_answer_that_is_a_page_is_repeated_too(alice, as_alice, settings):
    """D6: also an answer that is not a redirect, headers included."""
    settings.ROOT_URLCONF = __name__
    sent = form()
    first, second = as_alice.post("/page/", sent), as_alice.post("/page/", sent)
    assert first.content == second.content == b"made 1"
    assert (second["HX-Retarget"], second["Content-Type"]) == ("#part", "text/plain")
    assert second.status_code == 201


def test_without_stored_answers_the_same_form_makes_two_groups(as_alice, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(moments, "_key", lambda _request: uuid.uuid4().hex)
    sent = form()
    for _twice in range(2):
        as_alice.post(NEW_GROUP, sent)
    assert Group.objects.count() == 2


def twenty_posts(user):
    sent = form()
    clients = [signed_in(user) for _ in range(20)]
    return race(*(partial(client.post, NEW_GROUP, sent) for client in clients))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_identical_posts_in_parallel_make_one_group_and_twenty_equal_answers():
    """D6."""
    answers = twenty_posts(make_user("Alice"))
    group = Group.objects.get()
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, f"/groups/{group.pk}/people/")
    ] * 20


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_without_stored_answers_twenty_posts_make_twenty_groups(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(moments, "_key", lambda _request: uuid.uuid4().hex)
    twenty_posts(make_user("Alice"))
    assert Group.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_people_who_resend_a_form_while_it_is_being_saved_are_told_so():
    """D3, D6: the second waits for the first, at most three seconds; here 0.2."""
    alice, sent = make_user("Alice"), form()
    client = signed_in(alice)
    client.post(NEW_GROUP, sent)
    [first] = SentForm.objects.all()
    SentForm.objects.all().delete()
    Group.objects.all().delete()

    def impatient():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return client.post(NEW_GROUP, sent)

    with transaction.atomic():
        SentForm.objects.create(key=first.key, user=alice)
        [answer] = race(impatient)
    assert answer.status_code == 409
    assert "still being saved" in answer.text
    assert not Group.objects.exists()


# --- Refused forms ---------------------------------------------------------------------------------
def test_a_refused_form_leaves_no_trace_and_its_id_can_be_used_again(as_alice):
    sent = form(name="x")
    assert as_alice.post(NEW_GROUP, sent).status_code == 422
    assert not SentForm.objects.exists()
    assert as_alice.post(NEW_GROUP, sent | {"name": "Thursday Club"}).status_code == 302
    assert Group.objects.count() == 1


def test_writes_before_a_refusal_are_undone(as_alice, settings):
    settings.ROOT_URLCONF = __name__
    for address, status in (("/refused/", 422), ("/raised/", 422)):
        assert as_alice.post(address, form()).status_code == status
        assert not Group.objects.exists()
        assert not SentForm.objects.exists()


def test_a_crash_leaves_nothing_and_the_form_can_be_sent_again(as_alice, settings):
    """Spec 73: stored completely or not at all."""
    settings.ROOT_URLCONF = __name__
    as_alice.raise_request_exception = False
    sent = form()
    assert as_alice.post("/crash/", sent).status_code == 500
    assert not Group.objects.exists()
    assert not SentForm.objects.exists()


def test_a_locked_row_gets_a_sentence_and_not_a_server_error(as_alice, settings):
    """D3, no matter which statement waits."""
    settings.ROOT_URLCONF = __name__
    answer = as_alice.post("/busy/", form())
    assert answer.status_code == 409
    assert "Someone else is saving this right now" in answer.text
    assert not SentForm.objects.exists()


# --- What counts as another form -------------------------------------------------------------------
def test_other_content_with_the_same_id_is_another_form(as_alice):
    sent = form()
    as_alice.post(NEW_GROUP, sent)
    answer = as_alice.post(NEW_GROUP, sent | {"name": "Friday Club"})
    assert answer.status_code == 302
    assert set(Group.objects.values_list("name", flat=True)) == {"Thursday Club", "Friday Club"}


def test_the_same_content_at_another_address_is_another_form(as_alice, settings):
    settings.ROOT_URLCONF = __name__
    sent = form()
    as_alice.post("/page/", sent)
    as_alice.post("/page/?again", sent)
    assert Group.objects.count() == 2


def test_another_persons_identical_form_is_not_answered_with_mine(as_alice):
    """Not even when they have seen mine."""
    sent = form()
    mine, theirs = as_alice.post(NEW_GROUP, sent), signed_in(make_user("Bob")).post(NEW_GROUP, sent)
    assert mine["Location"] != theirs["Location"]
    assert Group.objects.count() == 2


def test_a_new_csrf_token_does_not_make_another_form(as_alice):
    """A page reloaded after logging in has another one."""
    sent = form()
    for token in ("one", "two"):
        as_alice.post(NEW_GROUP, sent | {"csrfmiddlewaretoken": token})
    assert Group.objects.count() == 1


# --- The id ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "once", [None, "", "1", "x" * 36, "A" * 8, "'; DROP TABLE", "652711A5-EAE8-46F4-83DB-E7B2FBD47D65"]
)
def test_a_form_without_a_proper_id_is_refused_with_a_sentence(as_alice, once):
    """Spec 72."""
    sent = CLUB if once is None else CLUB | {"once": once}
    answer = as_alice.post(NEW_GROUP, sent, once=False)
    assert answer.status_code == 422
    assert "This form was incomplete. Reload the page and send it again." in answer.text
    assert not Group.objects.exists()


def test_every_page_with_a_form_gives_it_a_fresh_id(as_alice):
    pages = [as_alice.get(NEW_GROUP).text for _twice in range(2)]
    ids = [page.split('name="once" value="')[1].split('"')[0] for page in pages]
    assert ids[0] != ids[1]
    assert all(moments.ONE_TIME_ID.fullmatch(once_id) for once_id in ids)


# --- How long it is remembered ---------------------------------------------------------------------
def test_a_form_is_remembered_for_a_day_and_then_forgotten(as_alice):
    """Spec 73. The newer one stays."""
    sent = form()
    as_alice.post(NEW_GROUP, sent)
    SentForm.objects.update(sent_at=timezone.now() - timedelta(hours=23, minutes=59))
    tasks.forget_sent_forms()
    as_alice.post(NEW_GROUP, sent)
    assert Group.objects.count() == 1
    SentForm.objects.update(sent_at=timezone.now() - timedelta(hours=24, minutes=1))
    as_alice.post(NEW_GROUP, form(name="Friday Club"))
    tasks.forget_sent_forms()
    [left] = SentForm.objects.all()
    assert timezone.now() - left.sent_at < timedelta(minutes=1)


# --- Visitors --------------------------------------------------------------------------------------
REGISTRATION = {"name": "Bob", "username": "bob", "email": "", "password": PASSWORD, "password_again": PASSWORD}


@pytest.mark.django_db
def test_a_registration_that_is_sent_again_signs_in_as_the_first_did():
    """The first answer, with its cookie, may never have arrived."""
    sent = REGISTRATION | {"once": str(uuid.uuid4())}
    first, second = FormClient(), FormClient()
    assert first.post("/register/", sent)["Location"] == second.post("/register/", sent)["Location"]
    assert User.objects.count() == 1
    assert second.get("/me/settings/").status_code == 200


def log_out(client):
    client.post("/logout/")


def log_out_everywhere(client):
    client.post("/logout/everywhere/")


def change_password(client):
    new = dict.fromkeys(("new_password", "new_password_again"), "another horse battery")
    client.post("/me/settings/password/", {"current_password": PASSWORD} | new)


def reset_password(_client):
    bob = User.objects.get()
    bob.set_password("another horse battery")
    bob.save()


def lock_out(_client):
    User.objects.update(is_active=False)


@pytest.mark.django_db
@pytest.mark.parametrize("end", [log_out, log_out_everywhere, change_password, reset_password, lock_out])
def test_a_repeated_registration_signs_nobody_in_once_its_session_is_over(end):
    """The first answer still comes, and leads to the login page."""
    sent = REGISTRATION | {"once": str(uuid.uuid4())}
    first, second = FormClient(), FormClient()
    location = first.post("/register/", sent)["Location"]
    end(first)
    assert second.post("/register/", sent)["Location"] == location
    assert second.get("/me/settings/").status_code == 302
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_repeated_registration_with_another_password_is_no_way_in():
    sent = REGISTRATION | {"once": str(uuid.uuid4())}
    FormClient().post("/register/", sent)
    other = "another horse battery"
    thief = FormClient()
    assert thief.post("/register/", sent | {"password": other, "password_again": other}).status_code == 422
    assert thief.get("/me/settings/").status_code == 302


@pytest.mark.django_db
def test_logging_in_and_out_takes_effect_each_time():
    """Their repetition is harmless and has to happen again."""
    bob = make_user("Bob")
    bob.set_password(PASSWORD)
    bob.save()
    sent = {"username": bob.username, "password": PASSWORD, "once": str(uuid.uuid4())}
    for _twice in range(2):
        client = FormClient()
        assert client.post("/login/", sent).status_code == 302
        assert client.get("/me/settings/").status_code == 200
    assert not SentForm.objects.exists()


# --- Leaving a group twice -------------------------------------------------------------------------
def test_a_form_whose_first_answer_removed_the_right_still_gets_that_answer(alice):
    """People who leave twice are told twice that they left, and not that there is no such group."""
    bob = make_user("Bob")
    group = make_group(admin=alice, members=[bob])
    sent, client = {"once": str(uuid.uuid4())}, signed_in(bob)
    answers = [client.post(f"/groups/{group.pk}/leave/", sent) for _twice in range(2)]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/groups/")}
    assert not Membership.objects.filter(user=bob).exists()


# --- Views for this file only ----------------------------------------------------------------------
def make(name="Club"):
    return Group.objects.create(name=name, currency="EUR")


@require_POST
def page(request):
    make()
    answer = HttpResponse(f"made {Group.objects.count()}", status=201, content_type="text/plain")
    answer["HX-Retarget"] = "#part"
    return answer


@require_POST
def refused(request):
    make()
    return HttpResponse("no", status=422)


@require_POST
def raised(request):
    make()
    raise moments.BulqError("no")


@require_POST
def crash(request):
    make()
    messages.success(request, "made")
    raise ZeroDivisionError


@require_POST
def busy(request):
    """Waits for a lock that its own database refuses at once, outside `locked`."""
    make()
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'locked' USING ERRCODE = 'lock_not_available'; END $$")
    return redirect("home")


urlpatterns = [
    path("page/", page),
    path("refused/", refused),
    path("raised/", raised),
    path("crash/", crash),
    path("busy/", busy),
    *the_site,
]


def handler500(request):
    return HttpResponse("crashed", status=500)
