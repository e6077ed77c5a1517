"""Spec 31, 40, 41: starting a run, its day and note, helping, and handing over."""

from datetime import date

import pytest
from django.http import Http404
from django.utils.timezone import localdate

from accounts.actions import groups
from accounts.tests.factories import make_group, make_user
from bids import states
from bids.actions import lead, membership, runs
from bids.actions.runs import details_version
from bids.models import Run
from bids.reading.invariants import problems
from bids.reading.sums import debts_of
from bids.states import ENDED
from bulq.kit.dates import format_day
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.tests.client import signed_in
from stores.models import Store
from stores.tests.factories import make_store

from .cast import WAY, stage
from .factories import make_run

pytestmark = pytest.mark.django_db
EVERY = [*WAY, states.CANCELLED]
OPEN = [state for state in EVERY if state not in ENDED]


class TestStarting:
    def test_the_starter_leads_and_takes_part_and_currencies_are_fixed(self):
        """Spec 31, 2."""
        scene = stage(states.PLANNING)
        run = runs.start_run(scene.group, store=scene.run.store, by=scene.dora, day=localdate(), note="early")
        assert (run.leader, run.state, run.note) == (scene.dora, states.PLANNING, "early")
        assert run.participations.get().user == scene.dora
        assert str(run) == f"{run.store}, {format_day(localdate())}"
        assert str(scene.run) == f"{run.store}, no day yet"
        scene.group.refresh_from_db()
        assert scene.group.is_currency_fixed
        assert Store.objects.get(pk=run.store_id).is_currency_fixed

    def test_outsiders_cannot_start_one(self):
        scene = stage(states.PLANNING)
        with pytest.raises(Http404):
            runs.start_run(scene.group, store=scene.run.store, by=scene.charlie)

    def test_a_store_of_another_currency_is_refused(self):
        alice = make_user("Alice")
        group = make_group(admin=alice)
        with pytest.raises(BulqError, match="sells in JPY, but this group uses EUR") as refused:
            runs.start_run(group, store=make_store(currency="JPY"), by=alice)
        assert refused.value.field == "store"
        group.refresh_from_db()
        assert not group.is_currency_fixed

    def test_no_run_starts_in_an_archived_group(self):
        run = make_run()
        runs.call_off(run, by=run.leader)
        groups.archive_group(run.group_id, by=run.leader)
        with pytest.raises(BulqError, match="archived"):
            runs.start_run(run.group, store=run.store, by=run.leader)

    def test_the_number_of_open_runs_in_a_group_is_limited(self, settings):
        """Spec 21: those that are over do not count."""
        settings.OPEN_RUNS_PER_GROUP = 2
        run = make_run()
        other = runs.start_run(run.group, store=run.store, by=run.leader)
        with pytest.raises(BulqError, match="as many open runs"):
            runs.start_run(run.group, store=run.store, by=run.leader)
        runs.call_off(other, by=run.leader)
        assert runs.start_run(run.group, store=run.store, by=run.leader).pk


class TestDayAndNote:
    @pytest.mark.parametrize("state", OPEN)
    def test_the_leader_changes_them_until_the_run_ends(self, state):
        scene = stage(state)
        runs.edit_run(scene.run, by=scene.alice, day=date(2026, 12, 1), note="x", version=details_version(scene.run))
        assert (scene.fresh().day, scene.run.note) == (date(2026, 12, 1), "x")
        assert scene.last_event().kind == "run_edited"

    @pytest.mark.parametrize("state", sorted(ENDED))
    def test_but_not_after_the_run_has_ended(self, state):
        scene = stage(state)
        with pytest.raises(BulqError, match="has ended"):
            runs.edit_run(scene.run, by=scene.alice, day=None, note="x", version=details_version(scene.run))

    def test_a_stale_form_overwrites_nothing(self):
        """D6: 409; the same change made by both people is no conflict."""
        scene = stage(states.ACTIVE)
        shown = details_version(scene.run)
        runs.edit_run(scene.run, by=scene.alice, day=None, note="first", version=shown)
        runs.edit_run(scene.run, by=scene.alice, day=None, note="first", version=shown)
        with pytest.raises(ChangedMeanwhile, match="was changed to"):
            runs.edit_run(scene.run, by=scene.alice, day=None, note="second", version=shown)
        assert scene.fresh().note == "first"

    def test_others_cannot_change_them(self):
        scene = stage(states.ACTIVE)
        for user, error in ((scene.bob, NotAllowed), (scene.hana, NotAllowed), (scene.charlie, Http404)):
            with pytest.raises(error):
                runs.edit_run(scene.run, by=user, day=None, note="x", version=details_version(scene.run))


class TestHelpers:
    """Spec 40."""

    @pytest.mark.parametrize("state", OPEN)
    def test_any_member_can_become_one_and_then_takes_part(self, state):
        scene = stage(state)
        for _twice in range(2):
            lead.set_helper(scene.run, scene.dora, True, by=scene.alice)
        assert scene.part_of(scene.dora).is_helper
        assert scene.kinds().count("helper_named") == 2  # Hana before
        lead.set_helper(scene.run, scene.dora, False, by=scene.alice)
        assert not scene.part_of(scene.dora).is_helper
        assert scene.part_of(scene.dora).left_at is None
        assert problems() == []

    def test_not_the_leader_not_an_outsider_and_not_after_the_end(self):
        scene = stage(states.ACTIVE)
        with pytest.raises(BulqError, match="You lead this run, so you"):
            lead.set_helper(scene.run, scene.alice, True, by=scene.alice)
        with pytest.raises(Http404):
            lead.set_helper(scene.run, scene.charlie, True, by=scene.alice)
        with pytest.raises(NotAllowed):
            lead.set_helper(scene.run, scene.dora, True, by=scene.hana)
        for state in ENDED:
            over = stage(state)
            with pytest.raises(BulqError, match="has ended"):
                lead.set_helper(over.run, over.dora, True, by=over.alice)


class TestHandingOver:
    """Spec 41."""

    @pytest.mark.parametrize("state", OPEN)
    def test_roles_swap_when_the_person_asked_accepts(self, state):
        scene = stage(state)
        payer = scene.run.payer
        lead.offer_lead(scene.run, scene.hana, by=scene.alice)
        lead.accept_lead(scene.run, by=scene.hana)
        scene.fresh()
        assert (scene.run.leader, scene.run.payer) == (scene.hana, payer)
        assert (scene.run.lead_offered_to, scene.run.lead_offered_by) == (None, None)
        assert not scene.part_of(scene.hana).is_helper
        assert "lead_accepted" in scene.kinds()
        assert problems() == []

    def test_there_is_one_request_at_a_time_and_only_the_person_asked_answers(self):
        scene = stage(states.ACTIVE)
        lead.offer_lead(scene.run, scene.bob, by=scene.alice)
        with pytest.raises(ChangedMeanwhile, match="Bob has already been asked"):
            lead.offer_lead(scene.run, scene.hana, by=scene.alice)
        for answer in (lead.accept_lead, lead.decline_lead):
            for user, error in (
                (scene.hana, ChangedMeanwhile),
                (scene.alice, ChangedMeanwhile),
                (scene.charlie, Http404),
            ):
                with pytest.raises(error):
                    answer(scene.run, by=user)
        lead.decline_lead(scene.run, by=scene.bob)
        assert scene.last_event().kind == "lead_declined"
        lead.offer_lead(scene.run, scene.hana, by=scene.alice)

    def test_the_leader_or_the_asker_can_withdraw_it(self):
        scene = stage(states.SHOPPING)
        lead.offer_lead(scene.run, scene.bob, by=scene.adam)
        with pytest.raises(NotAllowed):
            lead.withdraw_lead_offer(scene.run, by=scene.bob)
        lead.withdraw_lead_offer(scene.run, by=scene.adam)
        with pytest.raises(ChangedMeanwhile, match="Nobody is being asked"):
            lead.withdraw_lead_offer(scene.run, by=scene.alice)
        lead.offer_lead(scene.run, scene.bob, by=scene.adam)
        lead.withdraw_lead_offer(scene.run, by=scene.alice)

    def test_only_participants_can_be_asked_and_before_shopping_only_by_the_leader(self):
        scene = stage(states.ACTIVE)
        for user in (scene.dora, scene.charlie, scene.alice):
            with pytest.raises(BulqError, match="takes part in this run"):
                lead.offer_lead(scene.run, user, by=scene.alice)
        for user in (scene.adam, scene.hana):
            with pytest.raises(NotAllowed):
                lead.offer_lead(scene.run, scene.bob, by=user)
        for state in ENDED:
            over = stage(state)
            with pytest.raises(BulqError, match="has ended"):
                lead.offer_lead(over.run, over.bob, by=over.alice)

    def test_a_group_admin_can_ask_someone_else_but_not_themselves(self):
        """Spec 23: another participant, in place of a leader who does not."""
        scene = stage(states.SHOPPING)
        scene.run.participations.create(user=scene.adam)
        with pytest.raises(BulqError, match="can't give the lead to yourself"):
            lead.offer_lead(scene.run, scene.adam, by=scene.adam)
        form = signed_in(scene.adam).get(f"/runs/{scene.run.pk}/more/").context["lead_form"]
        assert [user for user, _label in form.fields["person"].choices] == [scene.bob.pk, scene.hana.pk]
        lead.offer_lead(scene.run, scene.adam, by=scene.alice)
        lead.accept_lead(scene.run, by=scene.adam)
        assert scene.fresh().leader == scene.adam

    def test_the_request_closes_when_the_person_asked_leaves_the_run(self):
        scene = stage(states.ACTIVE)
        lead.offer_lead(scene.run, scene.bob, by=scene.alice)
        membership.leave_run(scene.run, by=scene.bob)
        assert Run.objects.get(pk=scene.run.pk).lead_offered_to is None

    def test_handing_over_moves_no_debt(self):
        """Spec 63."""
        scene = stage(states.DISTRIBUTING)
        owed = debts_of(scene.alice)[1]
        lead.offer_lead(scene.run, scene.bob, by=scene.alice)
        lead.accept_lead(scene.run, by=scene.bob)
        assert [debt.amount for debt in debts_of(scene.alice)[1]] == [debt.amount for debt in owed]
        assert [debt.run.payer for debt in debts_of(scene.bob)[0]] == [scene.alice]
