"""What the receipts say, and what happens with a difference to the purchases and extra costs."""

from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from bids import states
from bids.access import lock_part, lock_run_led, lock_run_shopped
from bids.models import Receipt
from bids.reading.receipts import comparison_of
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.money import MAX_AMOUNT, format_money

from .costs import add_difference
from .history import happened, record


@transaction.atomic
def add_receipt(run, *, amount, by, label=""):
    run = _lock_for_receipts(run, by)
    return store_receipt(run, amount=amount, label=label, by=by)


def store_receipt(run, *, amount, by, label=""):
    """The same in a locked run."""
    known = run.receipts.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    if known + amount > MAX_AMOUNT:
        most = format_money(MAX_AMOUNT, run.currency)
        raise BulqError(_("The receipts of a run can come to at most %(most)s.") % {"most": most}, field="amount")
    receipt = Receipt.objects.create(run=run, amount=amount, label=label, added_by=by)
    record(run, _happened("receipt_added", receipt), by=by)
    return receipt


@transaction.atomic
def remove_receipt(receipt, *, by):
    run = _lock_for_receipts(receipt.run, by)
    receipt = lock_part(Receipt.objects.all(), pk=receipt.pk, run=run)
    event = _happened("receipt_removed", receipt)
    receipt.delete()
    if run.difference_taken is not None and not run.receipts.exists():
        _write_taken(run, None)
    record(run, event, by=by)


def _happened(kind, receipt):
    if receipt.label:
        return happened(f"{kind}_named", amount=receipt.amount, label=receipt.label)
    return happened(kind, amount=receipt.amount)


def _lock_for_receipts(run, by):
    run = lock_run_shopped(run, by=by)
    if run.state not in states.FROM_THE_SHOP_ON:
        raise ChangedMeanwhile(_("Receipts can only be entered from the shop to the end of the hand-out."))
    return run


# --- A difference ----------------------------------------------------------------------------------
def check_receipts(run):
    """Refuse to start the hand-out while the receipts say something else and nobody has decided what then."""
    comparison = comparison_of(run)
    if comparison.open:
        sums = {
            "receipts": format_money(comparison.receipts, run.currency),
            "total": format_money(comparison.total, run.currency),
            "open": format_money(abs(comparison.open), run.currency),
        }
        raise BulqError(
            _(
                "The receipts come to %(receipts)s, purchases and extra costs to %(total)s. "
                "Decide about the difference of %(open)s first."
            )
            % sums
        )


@transaction.atomic
def split_difference(run, *, seen, by):
    """Everyone pays a part of it (or less, if the receipts say less), by value. Returns the extra cost."""
    run, comparison = _lock_to_decide(run, seen, by)
    return add_difference(run, comparison.open, by=by)


@transaction.atomic
def leave_to_payer(run, *, seen, by):
    """Nobody but the payer has to do with the difference: it is recorded, and no debt changes."""
    run, comparison = _lock_to_decide(run, seen, by)
    _write_taken(run, comparison.difference)
    _record_taken(run, "difference_taken", comparison.difference, by)


@transaction.atomic
def take_back_difference(run, *, by):
    """The difference that was left to the payer is undecided again."""
    run = lock_run_led(run, by=by)
    _check_state(run)
    if (taken := run.difference_taken) is None:
        raise ChangedMeanwhile(_("Someone has removed this. Please check again."))
    _write_taken(run, None)
    _record_taken(run, "difference_not_taken", taken, by)


def _lock_to_decide(run, seen, by):
    """`seen` is the version of the difference that the page showed."""
    run = lock_run_led(run, by=by)
    _check_state(run)
    comparison = comparison_of(run)
    if not comparison.open:
        raise ChangedMeanwhile(_("There is no difference to the receipts any more."))
    if seen != comparison.version:
        more, less = _("The receipts now say %(open)s more."), _("The receipts now say %(open)s less.")
        text = more if comparison.open > 0 else less
        raise ChangedMeanwhile(text % {"open": format_money(abs(comparison.open), run.currency)})
    return run, comparison


def _check_state(run):
    if not run.takes_corrections:
        raise ChangedMeanwhile(_("This can only be decided between the shop and the end of the hand-out."))


def _write_taken(run, amount):
    run.difference_taken = amount
    run.save(update_fields=["difference_taken"])


def _record_taken(run, kind, amount, by):
    record(run, happened(kind, subject=run.payer, amount=amount), by=by)
