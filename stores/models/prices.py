"""Offers (a product at a store) and the prices seen there. Unit prices are derived, never stored."""

from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now, TruncDate
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bulq.kit.columns import AmountColumn, QuantityColumn, within
from bulq.kit.money import CENT, MAX_AMOUNT, MAX_QUANTITY, fits_minor_unit

from .catalogue import Product, Store, digest
from .generations import Announced, AnnouncingQuerySet

CHART_DAYS = 365
MOST_POINTS = 60  # of one store in a chart
CHART = """
WITH point AS (
    SELECT offer_id, (seen_at AT TIME ZONE %(zone)s)::date AS day, round(amount / quantity, 4) AS unit_price,
           max(seen_at) AS last
    FROM stores_price
    WHERE offer_id = ANY(%(offers)s) AND withdrawn_at IS NULL AND seen_at >= %(since)s
    GROUP BY 1, 2, 3
), numbered AS (
    SELECT *, count(*) OVER offer AS total,
           row_number() OVER (offer ORDER BY last DESC) - 1 AS back,
           row_number() OVER (offer ORDER BY unit_price, last DESC) = 1 AS is_lowest,
           row_number() OVER (offer ORDER BY unit_price DESC, last DESC) = 1 AS is_highest
    FROM point
    WINDOW offer AS (PARTITION BY offer_id)
)
SELECT offer_id, day, unit_price FROM numbered
WHERE back %% ((total + %(most)s - 1) / %(most)s) = 0 OR is_lowest OR is_highest
ORDER BY offer_id, last
"""


def price_of_one(amount, quantity):
    """Exact as far as PostgreSQL divides; comparable, not meant to be multiplied back."""
    return models.ExpressionWrapper(F(amount) / F(quantity), models.DecimalField(max_digits=20, decimal_places=10))


def current_price(offer):
    """Annotations of the newest observation not withdrawn, of the offer whose key the outer query calls `offer`.

    `current_amount` for `current_quantity`, and `current_seen_at`.
    """
    newest = Price.objects.standing().filter(offer=models.OuterRef(offer)).newest_first()
    return {f"current_{name}": models.Subquery(newest.values(name)[:1]) for name in ("amount", "quantity", "seen_at")}


class OfferQuerySet(AnnouncingQuerySet):
    def with_current_price(self):
        return self.annotate(**current_price("pk"))

    def with_current_unit_price(self):
        return self.with_current_price().annotate(current_unit_price=price_of_one("current_amount", "current_quantity"))

    def with_price_range(self):
        """Annotate the `lowest`, `average` and `highest` unit price of all observations not withdrawn."""
        each = price_of_one("prices__amount", "prices__quantity")
        standing = Q(prices__withdrawn_at=None)
        return self.annotate(
            lowest=models.Min(each, filter=standing),
            average=models.Avg(each, filter=standing),
            highest=models.Max(each, filter=standing),
        )

    def cheapest_first(self):
        """Needs `with_current_unit_price`. Currencies are not compared: one after the other."""
        cheapest = F("current_unit_price").asc(nulls_last=True)
        return self.order_by("store__currency", cheapest, "store__sort_name", "pk")

    def cheapest_of_each_product(self):
        """The cheapest current offer of each product, one per currency."""
        return (
            self.with_current_unit_price()
            .filter(current_unit_price__isnull=False)
            .order_by("product", "store__currency", "current_unit_price", "store__sort_name", "pk")
            .distinct("product", "store__currency")
        )

    def of_products_like(self, text):
        """Those whose product a search for `text` finds, by name."""
        found = self.filter(product__in=Product.objects.search(text).order_by().values("pk")) if text.strip() else self
        return found.order_by("product__sort_name", "product__brand_key", "pk")


class Offer(Announced):
    """A product at a store, with its general pack size, minimum and note."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="offers")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="offers")
    pack_size = QuantityColumn(_("pack size"), null=True, blank=True)
    min_quantity = QuantityColumn(_("minimum quantity"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "store"], name="one_offer"),
            within("offer", "pack_size", CENT, MAX_QUANTITY),
            within("offer", "min_quantity", CENT, MAX_QUANTITY),
        ]

    def __str__(self):
        return f"{self.product} at {self.store}"

    @staticmethod
    def stores_that_show(ids):
        return set(Offer.objects.filter(pk__in=ids).values_list("store", flat=True))

    def clean(self):
        super().clean()
        if self.product_id:
            refuse_parts(self.product, self, ("pack_size", "min_quantity"))

    @property
    def shown_digest(self):
        return digest([self.pack_size, self.min_quantity, self.note])


class PriceQuerySet(AnnouncingQuerySet):
    def standing(self):
        return self.filter(withdrawn_at=None)

    def newest_first(self):
        return self.order_by("-seen_at", "-pk")

    def of_last_day(self):
        """The standing observations of each offer on the last day any was seen."""
        newest = Price.objects.standing().filter(offer=models.OuterRef("offer")).newest_first()
        last_day = models.Subquery(newest.values(last_day=TruncDate("seen_at"))[:1])
        return self.standing().annotate(day=TruncDate("seen_at")).filter(day=last_day)


def chart_points(offer_ids):
    """What was seen in the last twelve months: `{offer id: [(day, unit price), ...]}`, oldest first.

    Equal prices of one day are one point. Of an offer with more than 60 points every second, third... is taken,
    counted back from the newest, together with its lowest and its highest.
    """
    since = timezone.now() - timedelta(days=CHART_DAYS)
    params = {"offers": offer_ids, "since": since, "zone": timezone.get_current_timezone_name(), "most": MOST_POINTS}
    points = {}
    with connection.cursor() as cursor:
        cursor.execute(CHART, params)
        for offer_id, day, unit_price in cursor.fetchall():
            points.setdefault(offer_id, []).append((day, unit_price))
    return points


def price_charts(offers):
    """A chart for each currency: its lines `(store, points)` as `offers` come, and the same as rows of a table."""
    points, charts = chart_points([offer.pk for offer in offers]), {}
    for offer in offers:
        if line := points.get(offer.pk):
            chart = charts.setdefault(offer.store.currency, {"series": [], "rows": []})
            chart["series"].append((offer.store.name, line))
            chart["rows"] += [(offer.store.name, day, unit_price) for day, unit_price in reversed(line)]
    return charts


def with_cheapest(products):
    """The products as a list, each with the offers that are its cheapest, one for each currency."""
    products = list(products)
    cheapest = {}
    for offer in Offer.objects.filter(product__in=products).select_related("store").cheapest_of_each_product():
        cheapest.setdefault(offer.product_id, []).append(offer)
    for product in products:
        product.cheapest = cheapest.get(product.pk, [])
    return products


class Price(Announced):
    """One observation: `amount` for `quantity` units."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="prices")
    amount = AmountColumn(_("amount"))
    quantity = QuantityColumn(_("for a quantity of"))
    min_quantity = QuantityColumn(_("minimum quantity"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    # By the database's clock: web processes have one each, and the newest observation is the current price.
    seen_at = models.DateTimeField(db_default=Now())
    seen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    # The observation of a purchase is corrected and withdrawn with it.
    is_of_purchase = models.BooleanField(default=False, editable=False)

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            within("price", "amount", Decimal(0), MAX_AMOUNT),
            within("price", "quantity", CENT, MAX_QUANTITY),
            within("price", "min_quantity", CENT, MAX_QUANTITY),
            # A gift records no price; an earlier recorded one has to be withdrawn.
            models.CheckConstraint(
                condition=Q(amount__gt=0) | Q(withdrawn_at__isnull=False), name="price_of_nothing_is_withdrawn"
            ),
        ]
        indexes = [models.Index(fields=["offer", "-seen_at", "-id"], name="price_newest")]

    def __str__(self):
        return f"{self.amount} for {self.quantity}: {self.offer}"

    @staticmethod
    def stores_that_show(ids):
        return set(Offer.objects.filter(prices__in=ids).values_list("store", flat=True))

    def clean(self):
        super().clean()
        refuse_parts(self.offer.product, self, ("quantity", "min_quantity"))
        if self.amount is not None and not fits_minor_unit(self.amount, self.offer.store.currency):
            raise ValidationError({"amount": _("This currency has no cents: enter a whole amount")})


def refuse_parts(product, row, names):
    """Require whole quantities of counted products."""
    parts = [name for name in names if (getattr(row, name) or 0) % 1]
    if product.is_counted and parts:
        raise ValidationError(dict.fromkeys(parts, whole_number_needed()))


def whole_number_needed():
    return _("This product is counted: enter a whole number, for example 12")
