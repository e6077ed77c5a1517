"""What the receipts of a run say, compared with its purchases and extra costs."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import OuterRef, Subquery, Sum

from bids.models.distribution import ExtraCost, Receipt
from bids.models.runs import Run
from bids.models.shopping import Purchase

from .sums import MONEY, ZERO


@dataclass(frozen=True)
class Comparison:
    """Sums of both sides. `receipts` is None without any, `taken` what of the difference was left to the payer."""

    goods: Decimal
    extra: Decimal
    receipts: Decimal | None
    taken: Decimal

    @property
    def total(self):
        return self.goods + self.extra

    @property
    def difference(self):
        """More than zero if the receipts say more."""
        return ZERO if self.receipts is None else self.receipts - self.total

    @property
    def open(self):
        """What of the difference nobody has decided about; the hand-out begins once it is zero."""
        return ZERO if self.receipts is None else self.difference - self.taken

    @property
    def size(self):
        return abs(self.difference)

    @property
    def open_size(self):
        return abs(self.open)

    @property
    def taken_size(self):
        return abs(self.taken)

    @property
    def matches(self):
        return self.receipts is not None and not self.difference

    @property
    def version(self):
        """What a page showed of it, to detect that it has changed since."""
        return f"{self.open:.2f}"


def comparisons(run_ids):
    """`{run id: Comparison}`, in one query; for no runs, without any."""
    if not run_ids:
        return {}
    rows = Run.objects.filter(pk__in=run_ids).annotate(
        goods=_sum(Purchase.objects, "total", "item__run"),
        extra=_sum(ExtraCost.objects, "amount", "run"),
        receipt_sum=_sum(Receipt.objects, "amount", "run"),
    )
    rows = rows.values_list("pk", "goods", "extra", "receipt_sum", "difference_taken")
    return {
        pk: Comparison(goods or ZERO, extra or ZERO, receipts, taken or ZERO)
        for pk, goods, extra, receipts, taken in rows
    }


def comparison_of(run):
    return comparisons([run.pk])[run.pk]


def _sum(rows, field, per):
    sums = rows.filter(**{per: OuterRef("pk")}).order_by().values(per).annotate(sum=Sum(field))
    return Subquery(sums.values("sum"), output_field=MONEY)
