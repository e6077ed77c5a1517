"""What must be true of every run at any moment (guarantee D8), as checks that name what is wrong.

Sums are computed here by SQL over the rows, not by the code that wrote them. Each query finds what is wrong, and
nothing while all is well.
"""

from decimal import Decimal

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Mod

from accounts.models import Group, Membership
from bids import states
from bids.models.bidding import Bid
from bids.models.distribution import Allocation, ExtraCost, ExtraShare, Receipt, Split
from bids.models.payments import JournalEntry, Payment, PaymentPart, PaymentState
from bids.models.runs import Participation, Run
from bids.models.shopping import Purchase, ShoppingItem
from bulq.kit.money import NO_MINOR_UNIT, minor_unit
from stores.models import Price, Product, ReferencePrice, Store

from .sums import MONEY


def problems():
    """Sentences about everything that is wrong; empty when all is well."""
    return [sentence for check in CHECKS for sentence in check()]


def _sum(rows, field, per):
    """Sum of a column of `rows` for the outer row that `per` refers to."""
    sums = rows.filter(**{per: OuterRef("pk")}).order_by().values(per).annotate(sum=Sum(field))
    return Coalesce(Subquery(sums.values("sum"), output_field=MONEY), 0, output_field=MONEY)


def _lines_add_up():
    lines = ShoppingItem.objects.filter(run__state__in=states.WITH_ALLOCATIONS).annotate(
        bought=_sum(Purchase.objects, "quantity", "item"),
        paid=_sum(Purchase.objects, "total", "item"),
        received=_sum(Allocation.objects, "quantity", "item"),
        cost=_sum(Allocation.objects, "cost", "item"),
    )
    for line in lines.exclude(bought=F("received"), paid=F("cost")):
        yield (
            f"run {line.run_id}, product {line.product_id}: bought {line.bought} for {line.paid}, "
            f"but {line.received} for {line.cost} is allocated"
        )


def _runs_add_up():
    runs = Run.objects.filter(state__in=states.WITH_ALLOCATIONS).annotate(
        goods=_sum(Purchase.objects, "total", "item__run"),
        extra=_sum(ExtraCost.objects, "amount", "run"),
        costs=_sum(Allocation.objects, "cost", "item__run"),
        shares=_sum(Participation.objects, "extra_share", "run"),
    )
    for run in runs.exclude(goods=F("costs"), extra=F("shares")):
        yield (
            f"run {run.pk}: goods {run.goods} and extra costs {run.extra}, but people owe {run.costs} and {run.shares}"
        )


def _discounts_are_covered():
    discounts = ExtraCost.objects.filter(amount__lt=0)
    runs = Run.objects.filter(state__in=states.WITH_ALLOCATIONS).annotate(
        goods=_sum(Purchase.objects, "total", "item__run"), discount=_sum(discounts, "amount", "run")
    )
    for run in runs.filter(goods__lt=-F("discount")):
        yield f"run {run.pk}: discounts of {run.discount} on goods of {run.goods}"


def _extra_costs_go_where_they_should():
    """Each person's share is what is theirs, their equal part and their part by value; each of two was rounded once."""
    shared, named = ExtraCost.objects.exclude(how=Split.PERSON), ExtraCost.objects.filter(how=Split.PERSON)
    receivers = Participation.objects.annotate(things=Count("bids__allocation")).filter(things__gt=0)
    runs = Run.objects.filter(state__in=states.WITH_ALLOCATIONS, extra_costs__isnull=False).distinct()
    runs = runs.annotate(
        by_value=_sum(shared.filter(how=Split.VALUE), "amount", "run"),
        equal=_sum(shared.filter(how=Split.EQUAL), "amount", "run"),
    )
    for run in runs.select_related("group"):
        people = receivers.filter(run=run).annotate(
            goods=_sum(Allocation.objects, "cost", "bid__participation"), own=_sum(named, "amount", "person")
        )
        people = list(people)
        goods, unit = sum(person.goods for person in people), minor_unit(run.currency)
        for person in people:
            weight = person.goods / goods if goods else 1 / Decimal(len(people))
            share = person.own + run.equal / len(people) + run.by_value * weight
            if abs(person.extra_share - share) >= 2 * unit:
                yield (
                    f"run {run.pk}: user {person.user_id} pays {person.extra_share} of the extra costs, "
                    f"but they are split so that it is about {share:.2f}"
                )


def _parts_of_extra_costs_add_up():
    """To each person's share, and by way of splitting to the costs."""
    people = Participation.objects.annotate(parts=_sum(ExtraShare.objects, "amount", "participation"))
    for person in people.exclude(parts=F("extra_share")):
        yield (
            f"run {person.run_id}: user {person.user_id} pays {person.extra_share} of the extra costs, "
            f"but the parts of it come to {person.parts}"
        )
    runs = Run.objects.filter(Exists(Allocation.objects.filter(item__run=OuterRef("pk"))))
    for how in Split.values:
        costs, parts = ExtraCost.objects.filter(how=how), ExtraShare.objects.filter(how=how)
        split = runs.annotate(cost=_sum(costs, "amount", "run"), parts=_sum(parts, "amount", "participation__run"))
        for run in split.exclude(cost=F("parts")):
            yield f"run {run.pk}: extra costs of {run.cost} ({how}) are split into {run.parts}"


def _differences_are_decided():
    taken = Run.objects.filter(difference_taken__isnull=False)
    for run in taken.exclude(state__in=states.AFTER_THE_SHOP | {states.CANCELLED}):
        yield f"run {run.pk}: a difference to the receipts is decided before the end of the shop"
    for run in taken.exclude(Exists(Receipt.objects.filter(run=OuterRef("pk")))):
        yield f"run {run.pk}: a difference to receipts is decided, but there are no receipts"


def _nobody_owes_less_than_nothing():
    people = Participation.objects.annotate(goods=_sum(Allocation.objects, "cost", "bid__participation"))
    for person in people.filter(goods__lt=-F("extra_share")):
        yield f"run {person.run_id}: user {person.user_id} owes less than nothing"


def _payments_add_up():
    """What counts as paid of a debt is the sum of its confirmed parts (M1)."""
    confirmed = PaymentPart.objects.filter(payment__state=PaymentState.CONFIRMED)
    people = Participation.objects.annotate(parts=_sum(confirmed, "amount", "participation"))
    for person in people.exclude(parts=Coalesce("paid_amount", 0, output_field=MONEY)):
        yield (
            f"run {person.run_id}: user {person.user_id} has paid {person.paid_amount}, "
            f"but the confirmed payments come to {person.parts}"
        )


def _parts_of_payments_belong():
    """Each part is of a debt between the two people of its payment, in their group, and counts or waits."""
    parts = PaymentPart.objects.select_related("participation")
    between = Q(participation__user=F("payment__sender"), participation__run__payer=F("payment__receiver"))
    between |= Q(participation__user=F("payment__receiver"), participation__run__payer=F("payment__sender"))
    for part in parts.exclude(between, participation__run__group=F("payment__group")):
        yield f"payment {part.payment_id} covers a debt that is not between its two people"
    for part in parts.exclude(payment__state__in=[PaymentState.SAID, PaymentState.CONFIRMED]):
        yield f"payment {part.payment_id} covers a debt, but was refused or taken back"
    for part in parts.exclude(participation__run__state__in=states.WITH_ALLOCATIONS):
        yield f"payment {part.payment_id} covers a debt of run {part.participation.run_id}, which has none"


def _journals_tell_the_state():
    last = JournalEntry.objects.filter(payment=OuterRef("pk")).order_by("-pk").values("kind")[:1]
    payments = Payment.objects.annotate(last=Coalesce(Subquery(last), Value("none")))
    for state, kinds in LAST_STEPS.items():
        for payment in payments.filter(state=state).exclude(last__in=kinds):
            yield f"payment {payment.pk} is {payment.state}, but its last step is {payment.last}"


LAST_STEPS = {
    PaymentState.SAID: {JournalEntry.Kind.SAID, JournalEntry.Kind.UNDONE},
    PaymentState.CONFIRMED: {JournalEntry.Kind.CONFIRMED, JournalEntry.Kind.CORRECTED, JournalEntry.Kind.MARKED},
    PaymentState.REFUSED: {JournalEntry.Kind.REFUSED},
    PaymentState.TAKEN_BACK: {JournalEntry.Kind.TAKEN_BACK},
}


def _allocations_belong():
    astray = Allocation.objects.exclude(item__run__state__in=states.WITH_ALLOCATIONS)
    for allocation in astray.select_related("item"):
        yield f"run {allocation.item.run_id}: allocation {allocation.pk} in a run without a hand-out"
    crossed = Allocation.objects.exclude(bid__participation__run=F("item__run"), bid__product=F("item__product"))
    for allocation in crossed:
        yield f"allocation {allocation.pk} joins a bid and a line that do not belong together"
    for allocation in Allocation.objects.filter(bid__quantity=None):
        yield f"allocation {allocation.pk} for someone who is only interested"
    early = Participation.objects.exclude(run__state__in=states.WITH_ALLOCATIONS).exclude(extra_share=0)
    for person in early:
        yield f"run {person.run_id}: user {person.user_id} has a share of the extra costs before the hand-out"


def _leaders_take_part():
    current = Participation.objects.filter(run=OuterRef("pk"), user=OuterRef("leader"), left_at=None)
    for run in Run.objects.open().annotate(leads=Exists(current)).filter(leads=False):
        yield f"run {run.pk}: its leader does not take part"
    for part in Participation.objects.filter(is_helper=True, user=F("run__leader"), run__state__in=states.OPEN):
        yield f"run {part.run_id}: its leader is a helper as well"
    paying = Participation.objects.filter(run=OuterRef("pk"), user=OuterRef("payer"))
    for run in Run.objects.filter(payer__isnull=False).annotate(pays=Exists(paying)).filter(pays=False):
        yield f"run {run.pk}: its payer has no part in it"


def _open_runs_have_members():
    member = Membership.objects.filter(group=OuterRef("run__group"), user=OuterRef("user"))
    parts = Participation.objects.filter(run__state__in=states.OPEN, left_at=None)
    for part in parts.annotate(is_member=Exists(member)).filter(is_member=False):
        yield f"run {part.run_id}: user {part.user_id} takes part without being in the group"
    offered = Run.objects.filter(lead_offered_to__isnull=False)
    asked = Participation.objects.filter(run=OuterRef("pk"), user=OuterRef("lead_offered_to"), left_at=None)
    for run in offered.annotate(asked=Exists(asked)).filter(asked=False):
        yield f"run {run.pk}: its lead is offered to someone who does not take part"
    for run in offered.filter(state__in=states.ENDED):
        yield f"run {run.pk} has ended, but its lead is still offered"
    for run in Run.objects.open().filter(group__archived_at__isnull=False):
        yield f"run {run.pk} is open in an archived group"


def _states_fit():
    others = Bid.objects.filter(participation__run=OuterRef("pk")).exclude(participation__user=OuterRef("leader"))
    for run in Run.objects.filter(state=states.PLANNING).annotate(others=Exists(others)).filter(others=True):
        yield f"run {run.pk}: someone other than the leader has a wish, but it is still planned"
    early = ShoppingItem.objects.filter(run__state__in=states.BEFORE_THE_SHOP)
    for run in early.values_list("run", flat=True).distinct():
        yield f"run {run}: has a shopping list before the shop"
    decided = ShoppingItem.objects.filter(run__state__in=states.AFTER_THE_SHOP, not_there_at=None)
    for line in decided.annotate(count=Count("purchases")).filter(count=0):
        yield f"run {line.run_id}, product {line.product_id}: still open after the shop"
    both = ShoppingItem.objects.filter(not_there_at__isnull=False, purchases__isnull=False)
    for line in both.distinct():
        yield f"run {line.run_id}, product {line.product_id}: bought and not there"
    real = Bid.objects.real().filter(participation__run=OuterRef("run"), product=OuterRef("product"))
    standing = ShoppingItem.objects.exclude(run__state=states.CANCELLED)
    for line in standing.annotate(wanted=Exists(real)).filter(wanted=False):
        yield f"run {line.run_id}, product {line.product_id}: on the list, but nobody wants it"
    listed = ShoppingItem.objects.filter(run=OuterRef("participation__run"), product=OuterRef("product"))
    bids = Bid.objects.real().filter(participation__run__state__in=states.FROM_THE_SHOP_ON | {states.COMPLETED})
    for bid in bids.annotate(listed=Exists(listed)).filter(listed=False):
        yield f"bid {bid.pk}: wanted, but not on the list"


def _quantities_are_whole():
    for model, field, product in (
        (Bid, "quantity", "product"),
        (Purchase, "quantity", "item__product"),
        (Allocation, "quantity", "item__product"),
        (ReferencePrice, "quantity", "product"),
    ):
        counted = model.objects.filter(**{f"{product}__kind": "counted"})
        for row in counted.annotate(rest=Mod(field, Value(1))).exclude(rest=0):
            yield f"{model.__name__} {row.pk}: {getattr(row, field)} of a counted product"


def _amounts_fit_the_currency():
    sources = (
        (Purchase, "total", "item__run__group__currency"),
        (Allocation, "cost", "item__run__group__currency"),
        (ExtraCost, "amount", "run__group__currency"),
        (ExtraShare, "amount", "participation__run__group__currency"),
        (Receipt, "amount", "run__group__currency"),
        (Run, "difference_taken", "group__currency"),
        (Participation, "extra_share", "run__group__currency"),
        (Participation, "paid_amount", "run__group__currency"),
        (Payment, "amount", "group__currency"),
        (PaymentPart, "amount", "payment__group__currency"),
        (ReferencePrice, "amount", "currency"),
    )
    for model, field, currency in sources:
        rows = model.objects.exclude(**{field: None}).filter(**{f"{currency}__in": sorted(NO_MINOR_UNIT)})
        rows = rows.annotate(rest=Mod(field, Value(1))).exclude(rest=0)
        for pk, amount, code in rows.values_list("pk", field, currency):
            yield f"{model.__name__} {pk}: {amount} is no amount of {code}"


def _currencies_agree():
    for run in Run.objects.exclude(store__currency=F("group__currency")):
        yield f"run {run.pk}: the store's currency is not the group's"


def _observations_follow_purchases():
    standing = Purchase.objects.filter(total__gt=0)
    wrong = standing.filter(
        Q(price=None)
        | ~Q(price__amount=F("total"))
        | ~Q(price__quantity=F("quantity"))
        | Q(price__withdrawn_at__isnull=False)
    )
    for purchase in wrong:
        yield f"purchase {purchase.pk}: its price does not say what it says"
    for purchase in Purchase.objects.filter(total=0, price__isnull=False):
        yield f"purchase {purchase.pk}: a gift with a price"
    elsewhere = Purchase.objects.filter(price__isnull=False).exclude(
        price__offer__product=F("item__product"), price__offer__store=F("item__run__store")
    )
    for purchase in elsewhere:
        yield f"purchase {purchase.pk}: its price is of another product or store"
    for price in Price.objects.standing().filter(is_of_purchase=True, purchase=None):
        yield f"price {price.pk}: of a purchase that is not there"


def _what_is_in_use_is_fixed():
    for group in Group.objects.filter(runs__isnull=False, is_currency_fixed=False).distinct():
        yield f"group {group.pk}: has a run, but its currency may change"
    for store in Store.objects.filter(runs__isnull=False, is_currency_fixed=False).distinct():
        yield f"store {store.pk}: has a run, but its currency may change"
    for product in Product.objects.filter(bids__isnull=False, is_unit_fixed=False).distinct():
        yield f"product {product.pk}: is wanted, but its unit may change"


def _groups_have_admins():
    admins = Membership.objects.filter(group=OuterRef("pk"), is_admin=True)
    for group in Group.objects.filter(archived_at=None).annotate(led=Exists(admins)).filter(led=False):
        yield f"group {group.pk}: nobody administers it"


CHECKS = (
    _lines_add_up,
    _runs_add_up,
    _discounts_are_covered,
    _extra_costs_go_where_they_should,
    _parts_of_extra_costs_add_up,
    _differences_are_decided,
    _nobody_owes_less_than_nothing,
    _payments_add_up,
    _parts_of_payments_belong,
    _journals_tell_the_state,
    _allocations_belong,
    _leaders_take_part,
    _open_runs_have_members,
    _states_fit,
    _quantities_are_whole,
    _amounts_fit_the_currency,
    _currencies_agree,
    _observations_follow_purchases,
    _what_is_in_use_is_fixed,
    _groups_have_admins,
)
