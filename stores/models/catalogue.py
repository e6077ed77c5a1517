"""Stores and products: what they are called, how they are found, and who may correct them."""

import hashlib
import uuid
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Concat, Least, Mod
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bulq.kit.columns import FoldedKeyField, QuantityColumn, within
from bulq.kit.money import CENT
from bulq.kit.names import fold
from stores.validators import barcode_in, shown_barcode

from .categories import Category
from .finding import SIMILAR, Folded, IsAnyOf, Sought, Words, trigrams
from .generations import PRODUCTS, STORES, Announced, AnnouncingQuerySet

MAX_STEP = Decimal(1000)
SHORTEST_NAME = 2
PLENTY = 20  # found by the beginnings of their words: then similar words would only be in the way


class CatalogueQuerySet(AnnouncingQuerySet):
    """Stores or products, found by approximate names."""

    def search(self, text):
        """Rows with words that begin like those of `text`: best match first, verified first among equals.

        Where these are few, rows with similar words follow. Case, diacritics and script are ignored, `%` and `_` are
        plain characters. An empty text finds everything.
        """
        sought = Sought(text)
        if not sought:
            return self.order_by("-is_verified", "sort_name", "pk")
        found = self.filter(self._found(sought, sought.begins))
        if not found[PLENTY:].exists():
            found = self.filter(self._found(sought, sought.resembles))
        found = found.annotate(**self._ranks(sought), match=sought.likeness("search_text"))
        return found.order_by("rank", "-is_verified", "-match", "sort_name", "pk")

    def of_same_name(self, **names):
        """The row with the same folded name (and brand, for a product)."""
        return self.filter(**{f"{column}_key": fold(text) for column, text in names.items()})

    def similar_to(self, name, brand=""):
        """Rows similar to a `name` about to be added: the same name first, then verified ones, then as in a search."""
        named, sought = Sought(name), Sought(f"{name} {brand}")
        if len(named.text) < SHORTEST_NAME:
            return self.none()
        same = Q(name_key=fold(named.text))
        return (
            self.filter(same | self._found(named, named.resembles) | self._found(sought, sought.resembles))
            .annotate(is_same=models.ExpressionWrapper(same, models.BooleanField()))
            .annotate(match=sought.likeness("search_text"))
            .order_by("-is_same", "-is_verified", "-match", "sort_name", "pk")
        )

    def _found(self, sought, matching):
        return matching("search_text")

    def _ranks(self, sought):
        return {"rank": sought.rank("search_text", is_exact=Q(sort_name=sought.whole))}


class Correctable(Announced):
    """Anyone may add a row; that person may correct it until a site admin has verified it."""

    is_verified = models.BooleanField(_("verified"), default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # Digest of what it was when it was compared with all others (stores/reading/pairs.py).
    compared_as = models.CharField(max_length=32, editable=False, default="", db_default="")

    shown = ()

    class Meta:
        abstract = True

    @property
    def shown_digest(self):
        """Digest of what a correction page shows; a different one means that someone else changed it."""
        return digest(getattr(self, name) for name in self.shown)


def digest(values):
    # Decimals of a row and of a form may differ in trailing zeros.
    plain = [f"{value:.2f}" if isinstance(value, Decimal) else value for value in values]
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:32]


class Store(Correctable):
    name = models.CharField(
        pgettext_lazy("thing", "name"), max_length=100, validators=[MinLengthValidator(SHORTEST_NAME)]
    )
    name_key = FoldedKeyField(source="name")
    sort_name = models.GeneratedField(expression=Folded("name"), output_field=models.TextField(), db_persist=True)
    search_text = models.GeneratedField(
        expression=Words(Concat("name", Value(" "), "chain")),
        output_field=models.TextField(),
        db_persist=True,
    )
    chain = models.CharField(_("chain"), max_length=100, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    # The currency is fixed once there is a run or a price.
    is_currency_fixed = models.BooleanField(default=False, editable=False)
    # Changes whenever the list of what is sold here does.
    generation = models.UUIDField(default=uuid.uuid4, editable=False)

    objects = CatalogueQuerySet.as_manager()
    shown = ("name", "chain", "address", "currency")
    lists = (STORES,)
    not_shown = frozenset({"is_currency_fixed", "compared_as"})

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name_key"], name="one_store_of_a_name")]
        indexes = [
            models.Index(fields=["sort_name"], name="store_sort_name"),
            trigrams("search_text", "store_search"),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        super().clean()
        if Store.objects.of_same_name(name=self.name).exclude(pk=self.pk).exists():
            raise ValidationError({"name": self.already_known()})

    @staticmethod
    def stores_that_show(ids):
        return set(ids)

    @staticmethod
    def already_known():
        return _("A store with this name already exists")


class ProductQuerySet(CatalogueQuerySet):
    """Also found by their other names and their bar codes."""

    def _found(self, sought, matching):
        named = ProductAlias.objects.filter(matching("key")).values("product")
        found = matching("search_text") | Q(IsAnyOf("pk", ArraySubquery(named)))
        return found | Q(barcode=code) if (code := barcode_in(sought.text)) else found

    def _ranks(self, sought):
        aliases = ProductAlias.objects.filter(product=models.OuterRef("pk")).annotate(rank=sought.rank("key"))
        code = barcode_in(sought.text)
        exact = Q(sort_name=sought.whole) | Q(barcode=code) if code else Q(sort_name=sought.whole)
        by_alias = Coalesce(models.Subquery(aliases.order_by("rank").values("rank")[:1]), SIMILAR)
        own = sought.rank("search_text", is_exact=exact)
        return {"own_rank": own, "rank": Least(own, by_alias)}

    def sold_first_at(self, store_id):
        """Products sold at the store first (`is_sold_there`), otherwise in the same order.

        In a search those with only similar words stay behind.
        """
        rest = self.query.order_by or ("-is_verified", "sort_name", "pk")
        offers = self.model._meta.get_field("offers").related_model.objects
        sold = offers.filter(product=models.OuterRef("pk"), store=store_id)
        first = [Exact(F("rank"), SIMILAR)] if "rank" in rest else []
        return self.annotate(is_sold_there=models.Exists(sold)).order_by(*first, "-is_sold_there", *rest)


class Product(Correctable):
    """A thing that can be bought, independent of any store."""

    class Kind(models.TextChoices):
        COUNTED = "counted", _("Counted: whole ones only")
        DIVISIBLE = "divisible", _("Divisible: by weight or volume")

    WEIGHED_IN_STEPS_OF = {"kg": Decimal("0.5"), "L": Decimal("0.5"), "g": Decimal(50), "ml": Decimal(50)}

    name = models.CharField(
        pgettext_lazy("thing", "name"), max_length=100, validators=[MinLengthValidator(SHORTEST_NAME)]
    )
    name_key = FoldedKeyField(source="name")
    brand = models.CharField(_("brand"), max_length=100, blank=True)
    brand_key = FoldedKeyField(source="brand")
    sort_name = models.GeneratedField(expression=Folded("name"), output_field=models.TextField(), db_persist=True)
    search_text = models.GeneratedField(
        expression=Words(Concat("name", Value(" "), "brand")),
        output_field=models.TextField(),
        db_persist=True,
    )
    unit = models.CharField(_("unit"), max_length=20)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    step = QuantityColumn(_("step"))
    category = models.ForeignKey(
        Category, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("category"), related_name="products"
    )
    # 14 digits (stores/validators.py), or nothing.
    barcode = models.CharField(_("bar code"), max_length=14, null=True, blank=True)  # noqa: DJ001 - unique
    # Unit and kind are fixed once someone has ordered it or logged a price.
    is_unit_fixed = models.BooleanField(default=False, editable=False)

    objects = ProductQuerySet.as_manager()
    shown = ("name", "brand", "unit", "kind", "step", "barcode", "category_id")
    lists = (PRODUCTS,)
    not_shown = frozenset({"is_unit_fixed", "compared_as"})

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name_key", "brand_key"], name="one_product_of_a_name_and_brand"),
            models.UniqueConstraint(fields=["barcode"], name="one_product_of_a_barcode"),
            models.CheckConstraint(condition=Q(barcode__regex="^[0-9]{14}$"), name="product_barcode_of_14_digits"),
            models.CheckConstraint(condition=Q(kind__in=["counted", "divisible"]), name="product_kind_known"),
            within("product", "step", CENT, MAX_STEP),
            models.CheckConstraint(
                condition=Q(kind="divisible") | Q(Exact(Mod("step", Value(1)), 0)),
                name="product_counted_step_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["sort_name"], name="product_sort_name"),
            trigrams("search_text", "product_search"),
        ]

    def __str__(self):
        return f"{self.name} ({self.brand})" if self.brand else self.name

    @property
    def printed_barcode(self):
        return shown_barcode(self.barcode) if self.barcode else ""

    @property
    def is_counted(self):
        return self.kind == self.Kind.COUNTED

    @property
    def grain(self):
        """The smallest quantity that can be bought, sorted out or allocated."""
        return self.grain_of(self.kind)

    @classmethod
    def grain_of(cls, kind):
        return Decimal(1) if kind == cls.Kind.COUNTED else CENT

    @classmethod
    def usual_kind(cls, unit):
        return cls.Kind.DIVISIBLE if unit in cls.WEIGHED_IN_STEPS_OF else cls.Kind.COUNTED

    @classmethod
    def usual_step(cls, unit, kind):
        return Decimal(1) if kind == cls.Kind.COUNTED else cls.WEIGHED_IN_STEPS_OF.get(unit, Decimal("0.5"))

    def clean(self):
        super().clean()
        if self.is_counted and self.step is not None and self.step % 1:
            raise ValidationError({"step": self.counted_in_whole_steps()})
        if Product.objects.of_same_name(name=self.name, brand=self.brand).exclude(pk=self.pk).exists():
            raise ValidationError({"name": self.already_known()})
        if self.barcode and Product.objects.filter(barcode=self.barcode).exclude(pk=self.pk).exists():
            raise ValidationError({"barcode": self.barcode_known()})

    @classmethod
    def stores_that_show(cls, ids):
        offers = cls._meta.get_field("offers").related_model.objects.filter(product__in=ids)
        return set(offers.values_list("store", flat=True))

    @staticmethod
    def already_known():
        return _("A product with this name and brand already exists")

    @staticmethod
    def counted_in_whole_steps():
        return _("Counted products need whole steps: enter a whole number, for example 1")

    @staticmethod
    def barcode_known():
        return _("Another product already has this bar code")


class ProductAlias(models.Model):
    """Another name under which a product is found, for example the one it had before a merge."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(
        pgettext_lazy("thing", "name"), max_length=100, validators=[MinLengthValidator(SHORTEST_NAME)]
    )
    key = models.GeneratedField(expression=Words("name"), output_field=models.TextField(), db_persist=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "key"], name="one_alias_of_a_name")]
        indexes = [trigrams("key", "product_alias_search")]
        verbose_name = _("other name")
        verbose_name_plural = _("other names")

    def __str__(self):
        return self.name
