"""Two accounts of one person become one: groups, runs, debts and payments of the source belong to the target."""

from django.contrib.admin.models import LogEntry
from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from accounts.models import HowToPay, Membership
from bids.models import (
    Allocation,
    Event,
    ExtraCost,
    JournalEntry,
    Notification,
    Participation,
    Payment,
    Purchase,
    Receipt,
    Run,
    ShoppingItem,
)
from stores.models import CatalogueFile, CatalogueImport, Price, Product, ProductPair, ReferencePrice, Store, StorePair

# Rows that name a person and can be pointed to another one without a clash. Memberships, notifications and how
# to pay are united first; what belongs to the account itself (sent forms, rights, second factor) goes with it.
NAMED_IN = (
    (Membership, "user"),
    (HowToPay, "user"),
    (Participation, "user"),
    (Participation, "paid_marked_by"),
    (Run, "leader"),
    (Run, "payer"),
    (Run, "lead_offered_to"),
    (Run, "lead_offered_by"),
    (ShoppingItem, "not_there_by"),
    (Purchase, "bought_by"),
    (Allocation, "picked_up_by"),
    (ExtraCost, "added_by"),
    (Receipt, "added_by"),
    (Payment, "sender"),
    (Payment, "receiver"),
    (Payment, "created_by"),
    (JournalEntry, "actor"),
    (JournalEntry, "subject"),
    (Event, "actor"),
    (Event, "subject"),
    (Notification, "user"),
    (Notification, "actor"),
    (Store, "created_by"),
    (Product, "created_by"),
    (Price, "seen_by"),
    (ReferencePrice, "entered_by"),
    (ProductPair, "told_apart_by"),
    (StorePair, "told_apart_by"),
    (CatalogueFile, "by"),
    (CatalogueImport, "by"),
    (LogEntry, "user"),
)


def groups_of(source, target):
    return Q(memberships__user__in=[source, target])


def runs_of(source, target):
    """Also the open runs of their groups, whose members they are."""
    people = [source, target]
    return Q(participations__user__in=people) | Q(group__memberships__user__in=people)


def refusals(source, target):
    if source.is_staff or source.is_superuser:
        yield _("%(name)s is a site admin. Take that role away first.") % {"name": source}
    if target.closed_at or source.closed_at:
        yield _("One of the two accounts is closed. Histories of former members stay as they are.")
    common = Run.objects.filter(participations__user=source).filter(participations__user=target)
    for run in common.select_related("store", "group").order_by("pk"):
        yield _("Both take part in “%(run)s” of %(group)s, so they count as two people there.") % {
            "run": run,
            "group": run.group,
        }
    if Payment.objects.between(source, target).exists():
        yield _("They have paid each other, so they count as two people.")


def sums(people):
    parts, goods = (
        Participation.objects.filter(user__in=people),
        Allocation.objects.filter(bid__participation__user__in=people),
    )
    yield _("Runs"), parts.count()
    yield _("Owed for goods"), goods.aggregate(sum=Sum("cost"))["sum"]
    yield _("Shares of extra costs"), parts.aggregate(sum=Sum("extra_share"))["sum"]
    yield _("Marked as paid"), parts.aggregate(sum=Sum("paid_amount"))["sum"]
    yield _("Paid to friends"), Payment.objects.filter(sender__in=people).aggregate(sum=Sum("amount"))["sum"]
    yield _("Received from friends"), Payment.objects.filter(receiver__in=people).aggregate(sum=Sum("amount"))["sum"]
    yield _("Paid in shops"), Purchase.objects.filter(item__run__payer__in=people).aggregate(sum=Sum("total"))["sum"]


def unite(plan):
    source, target = plan.source, plan.target
    _unite_memberships(plan)
    if HowToPay.objects.filter(user=target).exists() and HowToPay.objects.filter(user=source).delete()[0]:
        plan.united.append(_("Both say how to pay them: what %(name)s says stays.") % {"name": target})
    Notification.objects.filter(user=source, event__notifications__user=target).delete()
    Notification.objects.filter(user=source, entry__notifications__user=target).delete()
    for model, column in NAMED_IN:
        plan.move(model.objects.filter(**{column: source}), **{column: target})


def _unite_memberships(plan):
    kept = {row.group_id: row for row in Membership.objects.filter(user=plan.target).select_related("group")}
    gone = list(Membership.objects.filter(user=plan.source, group__in=kept).order_by("pk"))
    for row in gone:
        mine = kept[row.group_id]
        mine.is_admin = mine.is_admin or row.is_admin
        plan.united.append(_("Both are in %(group)s: one membership stays.") % {"group": mine.group})
    if gone:
        Membership.objects.bulk_update([kept[row.group_id] for row in gone], ["is_admin"])
        Membership.objects.filter(pk__in=[row.pk for row in gone]).delete()
