"""Runs in Django's admin, read only: a run is changed through its pages."""

from django.contrib import admin

from .models import Allocation, Bid, Event, ExtraCost, Notification, Participation, Purchase, Run, ShoppingItem


class LookOnly(admin.ModelAdmin):
    """Can be searched and filtered but not changed: sums and states belong together."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Run)
class RunAdmin(admin.ModelAdmin):
    list_display = ["__str__", "group", "store", "leader", "payer", "state", "state_at"]
    list_filter = ["state", "group__currency"]
    list_select_related = ["group", "store", "leader", "payer"]
    list_per_page = 50
    search_fields = ["group__name", "store__name", "leader__name", "leader__username", "note"]
    date_hierarchy = "created_at"
    fields = ["group", "store", "leader", "payer", "state", "state_at", "day", "note"]
    readonly_fields = ["group", "store", "leader", "payer", "state", "state_at"]

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
    list_display = ["label", "amount", "run", "added_by", "added_at"]
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
