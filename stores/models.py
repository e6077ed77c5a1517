"""Stores, products, where a product is sold, and what it was seen to cost."""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import TrigramSimilarity, TrigramWordSimilarity
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat, Mod, TruncDate
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bulq.fields import CENT, AmountColumn, FoldedKeyField, QuantityColumn, within
from bulq.money import MAX_AMOUNT, MAX_QUANTITY

MAX_STEP = Decimal(1000)
LONGEST_SEARCH = 200


class Folded(models.Func):
    """Lower case without diacritics: for sorting and for similarity (the wrapper is made in the first migration)."""

    function = "bulq_fold"
    output_field = models.TextField()


class CatalogueQuerySet(models.QuerySet):
    """Stores or products, found by what people remember of their names."""

    def search(self, text):
        """Those that contain `text` or have words much like it, verified first, then the best match.

        Case and diacritics are ignored, `%` and `_` are plain characters. An empty text finds everything.
        """
        text = " ".join(text.replace("\0", " ").split())[:LONGEST_SEARCH]
        if not text:
            return self.order_by("-is_verified", "sort_name", "pk")
        folded = Folded(models.Value(text))
        return (
            self.filter(Q(search_text__contains=folded) | Q(search_text__trigram_word_similar=folded))
            .annotate(match=TrigramWordSimilarity(folded, "search_text") + TrigramSimilarity("search_text", folded))
            .order_by("-is_verified", "-match", "sort_name", "pk")
        )


class Store(models.Model):
    name = models.CharField(_("name"), max_length=100, validators=[MinLengthValidator(2)])
    name_key = FoldedKeyField(source="name")
    sort_name = models.GeneratedField(expression=Folded("name"), output_field=models.TextField(), db_persist=True)
    search_text = models.GeneratedField(
        expression=Folded(Concat("name", Value(" "), "chain")),
        output_field=models.TextField(),
        db_persist=True,
    )
    chain = models.CharField(_("chain"), max_length=100, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    # The currency is fixed from the first run or price on.
    is_currency_fixed = models.BooleanField(default=False, editable=False)
    is_verified = models.BooleanField(_("verified"), default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name_key"], name="one_store_of_a_name")]
        indexes = [
            models.Index(fields=["sort_name"], name="store_sort_name"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="store_search"),
        ]

    def __str__(self):
        return self.name


class ProductQuerySet(CatalogueQuerySet):
    def sold_first_at(self, store_id):
        """What is sold at the store comes first (`is_sold_there`); beneath, the order is kept as it is."""
        rest = self.query.order_by or ("-is_verified", "sort_name", "pk")
        sold = Offer.objects.filter(product=models.OuterRef("pk"), store=store_id)
        return self.annotate(is_sold_there=models.Exists(sold)).order_by("-is_sold_there", *rest)


class Product(models.Model):
    """A thing that can be bought, independent of any store."""

    class Kind(models.TextChoices):
        COUNTED = "counted", _("Counted: whole ones only")
        DIVISIBLE = "divisible", _("Divisible: by weight or volume")

    name = models.CharField(_("name"), max_length=100, validators=[MinLengthValidator(2)])
    name_key = FoldedKeyField(source="name")
    brand = models.CharField(_("brand"), max_length=100, blank=True)
    brand_key = FoldedKeyField(source="brand")
    sort_name = models.GeneratedField(expression=Folded("name"), output_field=models.TextField(), db_persist=True)
    search_text = models.GeneratedField(
        expression=Folded(Concat("name", Value(" "), "brand")),
        output_field=models.TextField(),
        db_persist=True,
    )
    unit = models.CharField(_("unit"), max_length=20)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    step = QuantityColumn(_("step"))
    # Unit and kind are fixed once somebody wants it or a price was seen.
    is_unit_fixed = models.BooleanField(default=False, editable=False)
    is_verified = models.BooleanField(_("verified"), default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name_key", "brand_key"], name="one_product_of_a_name_and_brand"),
            models.CheckConstraint(condition=Q(kind__in=["counted", "divisible"]), name="product_kind_known"),
            within("product", "step", CENT, MAX_STEP),
            models.CheckConstraint(
                condition=Q(kind="divisible") | Q(Exact(Mod("step", Value(1)), 0)),
                name="product_counted_step_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["sort_name"], name="product_sort_name"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="product_search"),
        ]

    def __str__(self):
        return f"{self.name}, {self.brand}" if self.brand else self.name

    @property
    def is_counted(self):
        return self.kind == self.Kind.COUNTED

    @property
    def grain(self):
        """The smallest quantity that can be bought, sorted out or allocated."""
        return Decimal(1) if self.is_counted else CENT


class OfferQuerySet(models.QuerySet):
    def with_current_price(self):
        """Annotate the newest standing observation: `current_amount` for `current_quantity`, `current_seen_at`."""
        newest = Price.objects.standing().filter(offer=models.OuterRef("pk")).newest_first()
        return self.annotate(
            current_amount=models.Subquery(newest.values("amount")[:1]),
            current_quantity=models.Subquery(newest.values("quantity")[:1]),
            current_seen_at=models.Subquery(newest.values("seen_at")[:1]),
        )


class Offer(models.Model):
    """That a product is sold at a store: pack size, minimum and note in general."""

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


class PriceQuerySet(models.QuerySet):
    def standing(self):
        return self.filter(withdrawn_at=None)

    def newest_first(self):
        return self.order_by("-seen_at", "-pk")

    def of_last_day(self):
        """The standing observations of each offer on the last day any was seen."""
        newest = Price.objects.standing().filter(offer=models.OuterRef("offer")).newest_first()
        last_day = models.Subquery(newest.values(last_day=TruncDate("seen_at"))[:1])
        return self.standing().annotate(day=TruncDate("seen_at")).filter(day=last_day)


class Price(models.Model):
    """One observation: `amount` for `quantity` units. The unit price is derived, never stored."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="prices")
    amount = AmountColumn(_("amount"))
    quantity = QuantityColumn(_("for a quantity of"))
    min_quantity = QuantityColumn(_("minimum quantity"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)
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
        ]
        indexes = [models.Index(fields=["offer", "-seen_at", "-id"], name="price_newest")]

    def __str__(self):
        return f"{self.amount} for {self.quantity}: {self.offer}"
