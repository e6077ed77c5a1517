"""Runs in Django's admin, read only: a run is changed through its pages."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from accounts.models import Group, User
from bulq.kit.dates import format_day
from bulq.kit.money import format_money
from bulq.kit.office import NEWEST, LookOnly, Office, Panel, newest, panel_of
from stores.models import Product, Store

from .models import (
    Allocation,
    Bid,
    Event,
    ExtraCost,
    ExtraShare,
    JournalEntry,
    Notification,
    Participation,
    Payment,
    PaymentPart,
    Purchase,
    Receipt,
    Reminder,
    Run,
    ShoppingItem,
)
from .reading.sums import debts_of, with_owed
from .states import RunState


class OpenFilter(admin.SimpleListFilter):
    title = _("open")
    parameter_name = "open"

    def lookups(self, request, model_admin):
        return [("yes", pgettext("filter", "Open")), ("no", _("Over"))]

    def queryset(self, request, rows):
        return {"yes": rows.open, "no": rows.ended}.get(self.value(), rows.all)()


class StateFilter(admin.SimpleListFilter):
    """By the word for a state, which two may share."""

    title = _("state")
    parameter_name = "stage"

    def lookups(self, request, model_admin):
        return {str(state.label): (state, state.label) for state in RunState}.values()

    def queryset(self, request, rows):
        if self.value() not in RunState.values:
            return rows
        return rows.filter(state__in=[state for state in RunState if state.label == RunState(self.value()).label])


@admin.register(Run)
class RunAdmin(Office):
    list_display = ["__str__", "group", "store", "leader", "payer", "state", "state_at"]
    list_filter = [OpenFilter, StateFilter, "group__currency"]
    list_select_related = ["group", "store", "leader", "payer"]
    list_per_page = 50
    search_fields = ["group__name", "store__name", "leader__name", "leader__username", "note"]
    date_hierarchy = "created_at"
    found_by = ["participations__user", "participations__bids__product"]
    fields = ["group", "store", "leader", "payer", "state", "state_at", "closes_at", "locks_itself", "day", "note"]
    readonly_fields = ["group", "store", "leader", "payer", "state", "state_at", "closes_at", "locks_itself"]

    def get_queryset(self, request):
        return super().get_queryset(request).with_names()

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Participation)
class ParticipationAdmin(LookOnly):
    list_display = ["user", "run", "is_helper", "is_ready", "left_at", "extra_share", "paid_amount"]
    list_filter = ["is_helper", "is_ready", ("left_at", admin.EmptyFieldListFilter), "run__state"]
    list_select_related = ["user", "run__store"]
    search_fields = ["user__name", "user__username", "run__store__name"]
    date_hierarchy = "joined_at"


@admin.register(Bid)
class BidAdmin(LookOnly):
    list_display = ["product", "person", "run", "quantity", "comment"]
    list_filter = [("quantity", admin.EmptyFieldListFilter), "participation__run__state"]
    list_select_related = ["product", "participation__user", "participation__run__store"]
    search_fields = ["product__name", "participation__user__name", "comment"]

    @admin.display(ordering="participation__user__name")
    def person(self, bid):
        return bid.participation.user

    @admin.display(ordering="participation__run")
    def run(self, bid):
        return bid.participation.run


@admin.register(ShoppingItem)
class ShoppingItemAdmin(LookOnly):
    list_display = ["product", "run", "not_there_at"]
    list_filter = [("not_there_at", admin.EmptyFieldListFilter), "run__state"]
    list_select_related = ["product", "run__store"]
    search_fields = ["product__name", "run__store__name"]


@admin.register(Purchase)
class PurchaseAdmin(LookOnly):
    list_display = ["item", "quantity", "total", "bought_by", "bought_at"]
    list_filter = ["item__run__state"]
    list_select_related = ["item__product", "bought_by"]
    search_fields = ["item__product__name", "bought_by__name"]
    date_hierarchy = "bought_at"


@admin.register(Allocation)
class AllocationAdmin(LookOnly):
    list_display = ["product", "person", "quantity", "cost", "picked_up_at"]
    list_filter = [("picked_up_at", admin.EmptyFieldListFilter), "item__run__state"]
    list_select_related = ["bid__product", "bid__participation__user"]
    search_fields = ["bid__product__name", "bid__participation__user__name"]

    @admin.display(ordering="bid__product__sort_name")
    def product(self, allocation):
        return allocation.bid.product

    @admin.display(ordering="bid__participation__user__name")
    def person(self, allocation):
        return allocation.bid.participation.user


@admin.register(ExtraCost)
class ExtraCostAdmin(LookOnly):
    list_display = ["label", "amount", "how", "run", "added_by", "added_at"]
    list_filter = ["how", "run__state"]
    list_select_related = ["run__store", "added_by"]
    search_fields = ["label", "run__store__name"]


@admin.register(ExtraShare)
class ExtraShareAdmin(LookOnly):
    list_display = ["participation", "how", "amount"]
    list_filter = ["how", "participation__run__state"]
    list_select_related = ["participation__user"]
    search_fields = ["participation__user__name", "participation__run__store__name"]


@admin.register(Receipt)
class ReceiptAdmin(LookOnly):
    list_display = ["amount", "label", "run", "added_by", "added_at"]
    list_filter = ["run__state"]
    list_select_related = ["run__store", "added_by"]
    search_fields = ["label", "run__store__name"]


@admin.register(Event)
class EventAdmin(LookOnly):
    list_display = ["at", "kind", "run", "actor", "subject", "product"]
    list_filter = ["kind"]
    list_select_related = ["run__store", "actor", "subject", "product"]
    search_fields = ["actor__name", "subject__name", "run__store__name"]
    date_hierarchy = "at"


@admin.register(Notification)
class NotificationAdmin(LookOnly):
    list_display = ["at", "user", "what", "group", "read_at"]
    list_filter = [("read_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user", "event", "group"]
    search_fields = ["user__name", "user__username"]
    date_hierarchy = "at"

    @admin.display(ordering="event__kind")
    def what(self, notification):
        return notification.event or "removed"


@admin.register(Payment)
class PaymentAdmin(LookOnly):
    list_display = ["created_at", "day", "sender", "receiver", "amount", "state", "is_mark", "group"]
    list_filter = ["state", "is_mark", "group__currency"]
    list_select_related = ["sender", "receiver", "group"]
    search_fields = ["sender__name", "sender__username", "receiver__name", "receiver__username", "note"]
    date_hierarchy = "created_at"


@admin.register(PaymentPart)
class PaymentPartAdmin(LookOnly):
    list_display = ["payment", "participation", "amount"]
    list_filter = ["payment__state"]
    list_select_related = ["payment", "participation__user"]
    search_fields = ["participation__user__name", "participation__run__store__name"]


@admin.register(JournalEntry)
class JournalEntryAdmin(LookOnly):
    list_display = ["at", "kind", "actor", "subject", "amount", "payment"]
    list_filter = ["kind"]
    list_select_related = ["actor", "subject", "payment"]
    search_fields = ["actor__name", "subject__name", "note"]
    date_hierarchy = "at"


@admin.register(Reminder)
class ReminderAdmin(LookOnly):
    list_display = ["at", "kind", "user", "run", "is_mailed", "tries", "sent_at"]
    list_filter = ["kind", "is_mailed", ("sent_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user", "run__store"]
    search_fields = ["user__name", "user__username", "run__store__name"]
    date_hierarchy = "at"


# --- Panels ----------------------------------------------------------------------------------------
RUN = (
    (_("Run"), lambda run: run),
    (_("Group"), lambda run: run.group),
    (_("State"), lambda run: run.get_state_display()),
    (_("Leads"), lambda run: run.leader),
)


def _runs():
    return Run.objects.with_names().newest_first()


@panel_of(Group, needs=Run)
def runs_of_group(group):
    return newest(_("Runs"), _runs().filter(group=group), RUN, group=group.pk)


@panel_of(Store, needs=Run)
def runs_of_store(store):
    return newest(_("Runs"), _runs().filter(store=store), RUN, store=store.pk)


@panel_of(Product, needs=Run)
def runs_of_product(product):
    wanted = Bid.objects.filter(product=product).values("participation__run")
    return newest(_("Runs"), _runs().filter(pk__in=wanted), RUN, participations__bids__product=product.pk)


@panel_of(User, needs=Run)
def runs_of_person(person):
    taken = Participation.objects.filter(user=person).values("run")
    return newest(_("Runs"), _runs().filter(pk__in=taken), RUN, participations__user=person.pk)


@panel_of(User, needs=Run)
def owed_by_person(person):
    owes, _due = debts_of(person)
    return _debts(_("Owes"), _("To"), [(debt, debt.creditor) for debt in owes])


@panel_of(User, needs=Run)
def owed_to_person(person):
    _owes, due = debts_of(person)
    return _debts(_("Is owed"), _("By"), [(debt, debt.debtor) for debt in due])


def _debts(title, who, debts):
    rows = [
        (format_money(debt.amount, debt.run.currency), other, debt.run, debt.run.group)
        for debt, other in debts[:NEWEST]
    ]
    return Panel(title, (_("Amount"), who, _("Run"), _("Group")), rows, len(debts))


@panel_of(Run, needs=Participation)
def people_of_run(run):
    people = with_owed(Participation.objects.filter(run=run)).select_related("user").by_name()
    columns = (
        (_("Person"), lambda part: part.user),
        (pgettext("column", "Share"), lambda part: format_money(part.total, run.currency)),
        (_("Paid"), lambda part: "" if part.paid_amount is None else format_money(part.paid_amount, run.currency)),
        (_("Left"), lambda part: format_day(part.left_at) if part.left_at else ""),
    )
    return newest(_("People"), people, columns, run=run.pk)
