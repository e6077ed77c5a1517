"""Spec 31, 40, 41: starting a run, its day and note, helping, and handing over."""

from datetime import date

import pytest
from django.http import Http404
from django.utils.timezone import localdate

from accounts.actions import groups
from accounts.tests.factories import make_group, make_user
from bids import states
from bids.actions import lead, runs
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
        one = stage(states.PLANNING)
        run = runs.start_run(one.group, store=one.run.store, by=one.dora, day=localdate(), note="early")
        assert (run.leader, run.state, run.note) == (one.dora, states.PLANNING, "early")
        assert run.participations.get().user == one.dora
        assert str(run) == f"{run.store}, {format_day(localdate())}"
        assert str(one.run) == f"{run.store}, no day yet"
        one.group.refresh_from_db()
        assert one.group.is_currency_fixed
        assert Store.objects.get(pk=run.store_id).is_currency_fixed

    def test_nobody_from_outside_starts_one(self):
        one = stage(states.PLANNING)
        with pytest.raises(Http404):
            runs.start_run(one.group, store=one.run.store, by=one.charlie)

    def test_a_store_of_another_currency_is_refused(self):
        alice = make_user("Alice")
        group = make_group(admin=alice)
        with pytest.raises(BulqError, match="sells in JPY, but this group uses EUR") as refused:
            runs.start_run(group, store=make_store(currency="JPY"), by=alice)
        assert refused.value.field == "store"
        group.refresh_from_db()
        assert not group.is_currency_fixed

    def test_an_archived_group_starts_nothing(self):
        run = make_run()
        runs.call_off(run, by=run.leader)
        groups.archive_group(run.group_id, by=run.leader)
        with pytest.raises(BulqError, match="archived"):
            runs.start_run(run.group, store=run.store, by=run.leader)

    def test_a_group_has_so_many_open_runs_and_no_more(self, settings):
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
        one = stage(state)
        runs.edit_run(one.run, by=one.alice, day=date(2026, 12, 1), note="x", version=details_version(one.run))
        assert (one.fresh().day, one.run.note) == (date(2026, 12, 1), "x")
        assert one.last_event().kind == "run_edited"

    @pytest.mark.parametrize("state", sorted(ENDED))
    def test_and_not_after(self, state):
        one = stage(state)
        with pytest.raises(BulqError, match="has ended"):
            runs.edit_run(one.run, by=one.alice, day=None, note="x", version=details_version(one.run))

    def test_a_stale_form_overwrites_nothing(self):
        """D6: 409; the same change made by both is no conflict."""
        one = stage(states.ACTIVE)
        shown = details_version(one.run)
        runs.edit_run(one.run, by=one.alice, day=None, note="first", version=shown)
        runs.edit_run(one.run, by=one.alice, day=None, note="first", version=shown)
        with pytest.raises(ChangedMeanwhile, match="was changed to"):
            runs.edit_run(one.run, by=one.alice, day=None, note="second", version=shown)
        assert one.fresh().note == "first"

    def test_others_change_nothing(self):
        one = stage(states.ACTIVE)
        for user, error in ((one.bob, NotAllowed), (one.hana, NotAllowed), (one.charlie, Http404)):
            with pytest.raises(error):
                runs.edit_run(one.run, by=user, day=None, note="x", version=details_version(one.run))


class TestHelpers:
    """Spec 40."""

    @pytest.mark.parametrize("state", OPEN)
    def test_any_member_becomes_one_and_takes_part_then(self, state):
        one = stage(state)
        for _twice in range(2):
            lead.set_helper(one.run, one.dora, True, by=one.alice)
        assert one.part_of(one.dora).is_helper
        assert one.kinds().count("helper_named") == 2  # Hana before
        lead.set_helper(one.run, one.dora, False, by=one.alice)
        assert not one.part_of(one.dora).is_helper
        assert one.part_of(one.dora).left_at is None
        assert problems() == []

    def test_not_the_leader_not_somebody_from_outside_not_after_the_end(self):
        one = stage(states.ACTIVE)
        with pytest.raises(BulqError, match="You lead this run, so you"):
            lead.set_helper(one.run, one.alice, True, by=one.alice)
        with pytest.raises(Http404):
            lead.set_helper(one.run, one.charlie, True, by=one.alice)
        with pytest.raises(NotAllowed):
            lead.set_helper(one.run, one.dora, True, by=one.hana)
        for state in ENDED:
            over = stage(state)
            with pytest.raises(BulqError, match="has ended"):
                lead.set_helper(over.run, over.dora, True, by=over.alice)


class TestHandingOver:
    """Spec 41."""

    @pytest.mark.parametrize("state", OPEN)
    def test_roles_swap_when_the_one_who_was_asked_accepts(self, state):
        one = stage(state)
        payer = one.run.payer
        lead.offer_lead(one.run, one.hana, by=one.alice)
        lead.accept_lead(one.run, by=one.hana)
        one.fresh()
        assert (one.run.leader, one.run.payer) == (one.hana, payer)
        assert (one.run.lead_offered_to, one.run.lead_offered_by) == (None, None)
        assert not one.part_of(one.hana).is_helper
        assert "lead_accepted" in one.kinds()
        assert problems() == []

    def test_one_request_at_a_time_and_only_the_one_who_is_asked_answers(self):
        one = stage(states.ACTIVE)
        lead.offer_lead(one.run, one.bob, by=one.alice)
        with pytest.raises(ChangedMeanwhile, match="Bob has already been asked"):
            lead.offer_lead(one.run, one.hana, by=one.alice)
        for answer in (lead.accept_lead, lead.decline_lead):
            for user, error in ((one.hana, ChangedMeanwhile), (one.alice, ChangedMeanwhile), (one.charlie, Http404)):
                with pytest.raises(error):
                    answer(one.run, by=user)
        lead.decline_lead(one.run, by=one.bob)
        assert one.last_event().kind == "lead_declined"
        lead.offer_lead(one.run, one.hana, by=one.alice)

    def test_the_leader_or_who_asked_withdraws(self):
        one = stage(states.SHOPPING)
        lead.offer_lead(one.run, one.bob, by=one.adam)
        with pytest.raises(NotAllowed):
            lead.withdraw_lead_offer(one.run, by=one.bob)
        lead.withdraw_lead_offer(one.run, by=one.adam)
        with pytest.raises(ChangedMeanwhile, match="Nobody is being asked"):
            lead.withdraw_lead_offer(one.run, by=one.alice)
        lead.offer_lead(one.run, one.bob, by=one.adam)
        lead.withdraw_lead_offer(one.run, by=one.alice)

    def test_only_a_participant_is_asked_and_before_the_shop_only_by_the_leader(self):
        one = stage(states.ACTIVE)
        for user in (one.dora, one.charlie, one.alice):
            with pytest.raises(BulqError, match="takes part in this run"):
                lead.offer_lead(one.run, user, by=one.alice)
        for user in (one.adam, one.hana):
            with pytest.raises(NotAllowed):
                lead.offer_lead(one.run, one.bob, by=user)
        for state in ENDED:
            over = stage(state)
            with pytest.raises(BulqError, match="has ended"):
                lead.offer_lead(over.run, over.bob, by=over.alice)

    def test_a_group_admin_asks_another_and_never_themself(self):
        """Spec 23: another participant, in place of a leader who does not."""
        one = stage(states.SHOPPING)
        one.run.participations.create(user=one.adam)
        with pytest.raises(BulqError, match="cannot give the lead to yourself"):
            lead.offer_lead(one.run, one.adam, by=one.adam)
        form = signed_in(one.adam).get(f"/runs/{one.run.pk}/more/").context["lead_form"]
        assert [user for user, _label in form.fields["person"].choices] == [one.bob.pk, one.hana.pk]
        lead.offer_lead(one.run, one.adam, by=one.alice)
        lead.accept_lead(one.run, by=one.adam)
        assert one.fresh().leader == one.adam

    def test_the_request_closes_when_the_one_who_was_asked_leaves_the_run(self):
        one = stage(states.ACTIVE)
        lead.offer_lead(one.run, one.bob, by=one.alice)
        runs.leave_run(one.run, by=one.bob)
        assert Run.objects.get(pk=one.run.pk).lead_offered_to is None

    def test_a_handover_moves_no_debt(self):
        """Spec 63."""
        one = stage(states.DISTRIBUTING)
        owed = debts_of(one.alice)[1]
        lead.offer_lead(one.run, one.bob, by=one.alice)
        lead.accept_lead(one.run, by=one.bob)
        assert [debt.amount for debt in debts_of(one.alice)[1]] == [debt.amount for debt in owed]
        assert [debt.run.payer for debt in debts_of(one.bob)[0]] == [one.alice]
