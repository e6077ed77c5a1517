"""Spec 88: how extra costs are split."""

import pytest

from bids import states
from bids.actions import costs
from bids.models import ExtraCost, Split
from bids.reading.invariants import problems
from bids.reading.sums import debts_of, owed_by_person
from bulq.kit.errors import BulqError
from bulq.tests.client import signed_in

from .cast import D, leave_the_shop, stage
from .factories import purchase

pytestmark = pytest.mark.django_db


def owed(scene):
    """Each person's total, by first letter: oil 40 for 2, 4, 2 and Gouda 27 for Bob."""
    parts = owed_by_person(scene.run)
    return {part.user.name[0]: parts[part.pk] for part in scene.run.participations.select_related("user")}


def extra(scene, amount, how=Split.VALUE, person=None, by=None):
    return costs.add_extra_cost(
        scene.run, label="Crate", amount=D(amount), how=how, person=person, by=by or scene.alice
    )


@pytest.fixture
def scene():
    return stage(states.DISTRIBUTING)


class TestHowExtraCostsAreSplit:
    """Spec 88."""

    def test_by_value_in_equal_parts_or_for_one_person(self, scene):
        extra(scene, "6.70")
        assert owed(scene) == {"A": 11, "B": D("51.70"), "H": 11}
        extra(scene, "3.00", Split.EQUAL)
        assert owed(scene) == {"A": 12, "B": D("52.70"), "H": 12}
        extra(scene, "3.30", Split.PERSON, scene.hana)
        assert owed(scene) == {"A": 12, "B": D("52.70"), "H": D("15.30")}
        assert problems() == []

    def test_equal_parts_are_for_those_who_receive_something(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.gouda, 3, "27")
        extra(scene, "3.00", Split.EQUAL)
        extra(scene, "1.00", Split.PERSON, scene.hana)
        leave_the_shop(scene.run)
        assert owed(scene) == {"A": 0, "B": 30, "H": 1}
        assert problems() == []

    def test_of_gifts_by_value_is_equal_parts(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 8, "0")
        leave_the_shop(scene.run)
        extra(scene, "3.01")
        assert sorted(owed(scene).values()) == [1, 1, D("1.01")]

    @pytest.mark.parametrize("how", Split)
    def test_where_nobody_receives_anything_they_stay_with_the_payer(self, how):
        scene = stage(states.SHOPPING)
        extra(scene, "5", how, scene.hana if how == Split.PERSON else None)
        leave_the_shop(scene.run, payer=scene.bob)
        assert owed(scene) == {"A": 0, "B": 5, "H": 0}
        assert debts_of(scene.hana) == ([], [])
        assert problems() == []

    def test_a_discount_below_zero_is_refused_naming_who_and_the_most_that_goes(self, scene):
        with pytest.raises(BulqError, match=r"Hana would pay less than nothing\. “Crate” can take off at most €10\.00"):
            extra(scene, "-10.01", Split.PERSON, scene.hana)
        extra(scene, "-10", Split.PERSON, scene.hana)
        with pytest.raises(BulqError, match=r"Hana would pay less than nothing\. .* at most €0\.0[0-2]\."):
            extra(scene, "-3", Split.EQUAL)
        assert owed(scene) == {"A": 10, "B": 47, "H": 0}

    def test_several_people_are_named(self, scene):
        with pytest.raises(BulqError, match=r"Alice and Hana would each pay .* at most €30\.0[0-2]\."):
            extra(scene, "-33", Split.EQUAL)
        with pytest.raises(BulqError, match="more than the goods at"):
            extra(scene, "-67.01", Split.EQUAL)

    def test_what_is_named_as_the_most_goes_and_a_cent_more_does_not(self, scene):
        with pytest.raises(BulqError) as refused:
            extra(scene, "-40", Split.EQUAL)
        most = D(str(refused.value).split("€")[1].rstrip("."))
        with pytest.raises(BulqError):
            extra(scene, -most - D("0.01"), Split.EQUAL)
        extra(scene, -most, Split.EQUAL)
        assert problems() == []

    def test_a_cost_that_balances_a_discount_cannot_be_removed(self, scene):
        crate = extra(scene, "5", Split.PERSON, scene.hana)
        extra(scene, "-14", Split.PERSON, scene.hana)
        with pytest.raises(BulqError, match=r"Hana would pay less .* at most €10\.00"):
            costs.remove_extra_cost(crate, by=scene.alice)

    def test_a_discount_entered_in_the_shop_is_looked_at_when_the_hand_out_starts(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.gouda, 3, "27")
        extra(scene, "-3", Split.PERSON, scene.hana)
        with pytest.raises(BulqError, match="Hana would pay less than nothing"):
            leave_the_shop(scene.run)
        assert scene.state == states.SHOPPING

    def test_only_someone_in_the_run_can_be_named(self, scene):
        with pytest.raises(BulqError, match="Choose someone in this run"):
            extra(scene, "1", Split.PERSON, scene.dora)

    def test_who_has_to_pay_it_alone_is_told(self, scene):
        extra(scene, "3.30", Split.PERSON, scene.bob)
        page = signed_in(scene.bob).get("/inbox/").content.decode()
        assert "Alice added “Crate” for you: €3.30" in page

    @pytest.mark.parametrize(("how", "person", "said"), [("equal", "", "in equal parts"), ("person", "bob", "for Bob")])
    def test_the_form_says_how(self, scene, how, person, said):
        chosen = {"person": getattr(scene, person).pk} if person else {}
        url = f"/runs/{scene.run.pk}/costs/"
        client = signed_in(scene.hana)
        answer = client.post(f"{url}add/", {"label": "Crate", "amount": "3", "how": how} | chosen)
        assert (answer.status_code, ExtraCost.objects.get().how) == (302, how)
        assert said in client.get(url).content.decode()
        assert said in client.get(f"/runs/{scene.run.pk}/history/").content.decode()

    def test_for_one_person_without_saying_who_is_a_sentence_at_the_field(self, scene):
        answer = signed_in(scene.hana).post(
            f"/runs/{scene.run.pk}/costs/add/", {"label": "Crate", "amount": "3", "how": "person"}
        )
        assert answer.status_code == 422
        assert "Choose who pays it" in answer.content.decode()
        assert 'value="Crate"' in answer.content.decode()
