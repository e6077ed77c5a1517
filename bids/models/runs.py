from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Group
from bids import states
from bids.states import RunState
from bulq.kit.columns import AmountColumn, within
from bulq.kit.dates import format_day
from bulq.kit.money import MAX_AMOUNT
from stores.models import Store

from .closing import Closing, ClosingQuerySet


class RunQuerySet(ClosingQuerySet):
    def visible_to(self, user):
        return self.filter(group__memberships__user=user)

    def open(self):
        return self.filter(state__in=states.OPEN)

    def ended(self):
        return self.filter(state__in=states.ENDED)

    def newest_first(self):
        return self.order_by("-created_at", "-pk")

    def with_names(self):
        """With everyone and everything a line about a run may name."""
        return self.select_related("store", "group", "leader", "payer", "lead_offered_to")


class Run(Closing):
    """One bulk-buying trip of one group to one store.

    The leader is a column that cannot be empty, so there is always exactly one. The person asked to take over the lead
    is a column too, so there is at most one request.
    """

    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="runs")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="runs")
    leader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="runs_led")
    # Who paid in the shop: everything in the run is owed to this person.
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="runs_paid", null=True, blank=True
    )
    state = models.CharField(max_length=12, choices=RunState, default=RunState.PLANNING)
    state_at = models.DateTimeField(default=timezone.now)
    day = models.DateField(gettext_lazy("day"), null=True, blank=True)
    # Distinguishes runs of a group to the same store on the same day (or without a day); shown from 2 on.
    number = models.PositiveSmallIntegerField(default=1)
    note = models.CharField(gettext_lazy("note"), max_length=500, blank=True)
    lead_offered_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    lead_offered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    # Only full packs from then on: nobody but the leader may make them emptier.
    last_stretch_at = models.DateTimeField(null=True, blank=True)
    # Begins by itself so many hours before the closing time.
    last_stretch_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    # The past run that it was started from, and whether that one's products stand on the list though nobody wants them.
    again_of = models.ForeignKey("self", on_delete=models.SET_NULL, related_name="+", null=True, blank=True)
    brings_list = models.BooleanField(default=False, db_default=False)
    # Of the difference to the receipts, what the leader left to the payer: more than zero if they say more.
    difference_taken = AmountColumn(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=list(RunState)), name="run_state_known"),
            models.CheckConstraint(
                condition=Q(payer__isnull=False) | ~Q(state__in=["adjusting", "distributing", "completed"]),
                name="run_has_payer_after_the_shop",
            ),
            models.CheckConstraint(
                condition=Q(lead_offered_to=None, lead_offered_by=None)
                | Q(lead_offered_to__isnull=False, lead_offered_by__isnull=False) & ~Q(lead_offered_to=F("leader")),
                name="run_lead_offered_to_another",
            ),
            within("run", "difference_taken", -MAX_AMOUNT, MAX_AMOUNT),
            models.CheckConstraint(
                condition=Q(closes_at=None, closing_set_at=None, closing_handled_at=None)
                | Q(closes_at__isnull=False, closing_set_at__isnull=False, reminders_about__isnull=False),
                name="run_closing_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["group", "state"], name="run_group_state"),
            models.Index(
                fields=["closes_at"],
                condition=Q(closes_at__isnull=False, state__in=["planning", "active"]),
                name="run_closing",
            ),
        ]

    def __str__(self):
        day = format_day(self.day) if self.day else _("no day yet")
        params = {"store": self.store.name, "day": day, "number": self.number}
        text = _("%(store)s, %(day)s") if self.number == 1 else _("%(store)s, %(day)s (%(number)s)")
        return text % params

    @property
    def currency(self):
        return self.group.currency

    @property
    def is_collecting(self):
        return self.state in states.COLLECTING

    @property
    def is_open(self):
        return self.state in states.OPEN

    @property
    def is_filling_packs(self):
        return self.is_collecting and self.last_stretch_at is not None

    @property
    def is_locked(self):
        return self.state == states.CONFIRMED

    @property
    def is_sorting_out(self):
        return self.state == states.ADJUSTING

    @property
    def is_handing_out(self):
        return self.state == states.DISTRIBUTING

    @property
    def is_completed(self):
        return self.state == states.COMPLETED

    @property
    def has_allocations(self):
        return self.state in states.WITH_ALLOCATIONS

    @property
    def takes_extra_costs(self):
        return self.state in states.FROM_THE_SHOP_ON

    @property
    def takes_corrections(self):
        return self.state in (states.ADJUSTING, states.DISTRIBUTING)

    @property
    def can_be_called_off(self):
        return self.state in states.CAN_BE_CALLED_OFF

    @property
    def can_be_exported(self):
        return self.state in states.EXPORTABLE

    @property
    def stage_page(self):
        """Which page shows the run as it is now."""
        if self.state == states.SHOPPING:
            return "shop"
        return "hand_out" if self.state in states.AFTER_THE_SHOP else "board"


class ParticipationQuerySet(models.QuerySet):
    def current(self):
        return self.filter(left_at=None)

    def by_name(self):
        return self.order_by("user__name", "user_id")


class Participation(models.Model):
    """A person's part in one run, and what they owe for it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="participations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="participations")
    is_helper = models.BooleanField(default=False)
    is_ready = models.BooleanField(default=False)
    joined_at = models.DateTimeField(auto_now_add=True)
    left_at = models.DateTimeField(null=True, blank=True)
    # Share of the run's extra costs; below zero for a discount.
    extra_share = AmountColumn(default=0)
    # The amount that was marked as paid, which stays when the debt changes afterwards.
    paid_amount = AmountColumn(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    paid_marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )

    objects = ParticipationQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("part in a run"), gettext_lazy("parts in runs")
        constraints = [
            models.UniqueConstraint(fields=["run", "user"], name="one_participation"),
            within("participation", "extra_share", -MAX_AMOUNT, MAX_AMOUNT),
            within("participation", "paid_amount", 0, MAX_AMOUNT),
            models.CheckConstraint(
                condition=Q(paid_amount=None, paid_at=None) | Q(paid_amount__isnull=False, paid_at__isnull=False),
                name="participation_paid_whole",
            ),
            models.CheckConstraint(
                condition=Q(left_at=None) | Q(is_helper=False, is_ready=False),
                name="participation_left_has_no_role",
            ),
        ]

    def __str__(self):
        return f"{self.user} in run {self.run_id}"
