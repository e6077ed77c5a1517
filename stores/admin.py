"""The catalogue for site admins, with the same checks as the ordinary forms."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_safe

from accounts.forms import CurrencyField, LineField
from bulq.kit.dates import format_day
from bulq.kit.money import format_quantity
from bulq.kit.numbers import PriceField, QuantityField
from bulq.kit.office import NEWEST, Office, Panel, newest, panel_of
from bulq.kit.tables import BOM, write_rows

from .forms import BarcodeField, NameField, NoteField
from .models import (
    MAX_STEP,
    CatalogueImport,
    Category,
    Offer,
    Price,
    Product,
    ProductAlias,
    ProductPair,
    ReferencePrice,
    Store,
    StorePair,
)
from .reading.offers import offer_rows


class StoreForm(forms.ModelForm):
    name = NameField()
    chain = LineField(required=False, label=_("Chain"))
    address = LineField(required=False, high=200, label=_("Address"))
    currency = CurrencyField()


class ProductForm(forms.ModelForm):
    name = NameField()
    brand = NameField(low=1, required=False, label=_("Brand"))
    unit = LineField(high=20, label=_("Unit"))
    step = QuantityField(high=MAX_STEP, label=_("Step"))
    barcode = BarcodeField()


class OfferForm(forms.ModelForm):
    pack_size = QuantityField(required=False, label=_("Pack size"))
    min_quantity = QuantityField(required=False, label=_("Minimum quantity"))
    note = NoteField()


class PriceForm(forms.ModelForm):
    amount = PriceField(label=_("Amount"))
    quantity = QuantityField(label=_("For a quantity of"))
    min_quantity = QuantityField(required=False, label=_("Minimum quantity"))
    note = NoteField()


class ReferencePriceForm(forms.ModelForm):
    amount = PriceField(label=_("Amount"))
    quantity = QuantityField(label=_("For a quantity of"))
    shop = LineField(label=_("Shop"))


class CatalogueAdmin(Office):
    # Derived columns, written together with their source.
    written_along = {"name": "name_key", "brand": "brand_key"}


class VerifiedAdmin(CatalogueAdmin):
    """Stores and products, many of which can be verified at once."""

    actions = ("verify", "unverify")
    can_be_merged = True
    deleted_along = ("first_of", "second_of")

    def get_search_results(self, request, rows, text):
        """As on the site: by other names and bar codes too, and with mistakes."""
        return (rows.filter(pk__in=self.model.objects.search(text).values("pk")) if text else rows), False

    date_hierarchy = "created_at"

    @admin.action(description=_("Verify"), permissions=["change"])
    def verify(self, request, rows):
        count = self._mark(request, rows, is_verified=True)
        sentence = ngettext("%(count)s is verified now.", "%(count)s are verified now.", count) % {"count": count}
        self.message_user(request, sentence, messages.SUCCESS)

    @admin.action(description=_("Take back the verification"), permissions=["change"])
    def unverify(self, request, rows):
        count = self._mark(request, rows, is_verified=False)
        sentence = ngettext("%(count)s is no longer verified.", "%(count)s are no longer verified.", count)
        self.message_user(request, sentence % {"count": count}, messages.SUCCESS)

    def _mark(self, request, rows, *, is_verified):
        """Change those that differ, log each of them, and return how many there were."""
        differing = rows.filter(is_verified=not is_verified).order_by("pk").select_for_update(of=("self",), no_key=True)
        changed = self.model.objects.filter(pk__in=[row.pk for row in differing])
        marked = list(changed)
        changed.update(is_verified=is_verified)
        what = [{"changed": {"fields": [str(self.model._meta.get_field("is_verified").verbose_name)]}}]
        LogEntry.objects.log_actions(request.user.pk, marked, CHANGE, what)
        return len(marked)


@admin.register(Store)
class StoreAdmin(VerifiedAdmin):
    form = StoreForm
    list_display = ("name", "chain", "address", "currency", "is_verified", "created_at")
    list_filter = ("is_verified", "currency")
    search_fields = ("name", "chain", "address")
    ordering = ("sort_name",)
    fields = ("name", "chain", "address", "currency", "is_currency_fixed", "is_verified", "created_by", "created_at")
    deleted_along = (*VerifiedAdmin.deleted_along, "imports")

    def get_urls(self):
        view = self.admin_site.admin_view(self.export_offers)
        return [path("<int:object_id>/offers/", view, name="stores_store_offers"), *super().get_urls()]

    @method_decorator(require_safe)
    def export_offers(self, request, object_id):
        """What the store sells, as a file that can be brought back."""
        store = get_object_or_404(Store, pk=object_id)
        if not self.has_view_permission(request, store) or not request.user.has_perm("stores.view_offer"):
            raise PermissionDenied
        response = HttpResponse(BOM, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="bulq-offers-{store.pk}.csv"'
        write_rows(response, offer_rows(store))
        return response

    def get_readonly_fields(self, request, obj=None):
        fixed = ("is_currency_fixed", "created_by", "created_at")
        return (*fixed, "currency") if obj and obj.is_currency_fixed else fixed


class OtherNames(admin.StackedInline):
    model = ProductAlias
    extra = 0
    verbose_name_plural = _("other names")


@admin.register(Product)
class ProductAdmin(VerifiedAdmin):
    form = ProductForm
    list_display = ("name", "brand", "unit", "short_kind", "step", "category", "is_verified", "created_at")
    list_filter = ("is_verified", "kind", "category")
    list_select_related = ("category",)
    search_fields = ("name", "brand")
    ordering = ("sort_name", "brand_key")
    autocomplete_fields = ("category",)
    inlines = (OtherNames,)
    deleted_along = (*VerifiedAdmin.deleted_along, "aliases", "reference_prices")
    fields = (
        *("name", "brand", "unit", "kind", "step", "barcode", "category"),
        *("is_unit_fixed", "is_verified", "created_by", "created_at"),
    )

    @admin.display(description=_("kind"), ordering="kind")
    def short_kind(self, product):
        """In one word, or each row would be four lines high on a phone."""
        return now("Counted") if product.kind == Product.Kind.COUNTED else now("Divisible")

    def get_readonly_fields(self, request, obj=None):
        fixed = ("is_unit_fixed", "created_by", "created_at")
        return (*fixed, "unit", "kind") if obj and obj.is_unit_fixed else fixed


@admin.register(Category)
class CategoryAdmin(Office):
    list_display = ("name", "symbol", "position")
    search_fields = ("name", "words")


@admin.register(ProductAlias)
class ProductAliasAdmin(Office):
    list_display = ("name", "product")
    list_select_related = ("product",)
    search_fields = ("name", "product__name")
    autocomplete_fields = ("product",)


@admin.register(Offer)
class OfferAdmin(CatalogueAdmin):
    form = OfferForm
    list_display = ("product", "store", "pack_size", "min_quantity", "note")
    list_select_related = ("product", "store")
    list_filter = ("store__currency",)
    search_fields = ("product__name", "product__brand", "store__name")
    ordering = ("product__sort_name", "store__sort_name")
    autocomplete_fields = ("product", "store")
    fields = ("product", "store", "pack_size", "min_quantity", "note")

    def get_readonly_fields(self, request, obj=None):
        """Product and store can't change, because prices belong to them."""
        return ("product", "store") if obj else ()


@admin.register(Price)
class PriceAdmin(CatalogueAdmin):
    """Prices are logged on the site only. The price of a purchase follows its purchase and is read only here."""

    form = PriceForm
    list_display = ("offer", "amount", "quantity", "seen_at", "seen_by", "is_of_purchase", "withdrawn_at")
    list_select_related = ("offer__product", "offer__store", "seen_by")
    list_filter = ("is_of_purchase", ("withdrawn_at", admin.EmptyFieldListFilter), "offer__store__currency")
    search_fields = ("offer__product__name", "offer__product__brand", "offer__store__name")
    ordering = ("-seen_at", "-pk")
    date_hierarchy = "seen_at"
    found_by = ("offer__product", "offer__store")
    fields = (
        *("offer", "amount", "quantity", "min_quantity", "note"),
        *("seen_at", "seen_by", "is_of_purchase", "withdrawn_at"),
    )
    readonly_fields = ("offer", "seen_at", "seen_by", "is_of_purchase")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(*self.list_select_related)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and not (obj and obj.is_of_purchase)

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(ReferencePrice)
class ReferencePriceAdmin(Office):
    """They are entered on the site only."""

    form = ReferencePriceForm
    list_display = ("product", "currency", "amount", "quantity", "shop", "seen_on", "entered_by", "entered_at")
    list_select_related = ("product", "entered_by")
    list_filter = ("currency",)
    search_fields = ("product__name", "product__brand", "shop")
    ordering = ("-entered_at", "-pk")
    fields = ("product", "currency", "amount", "quantity", "seen_on", "shop", "entered_by", "entered_at")
    readonly_fields = ("product", "currency", "entered_by", "entered_at")

    def has_add_permission(self, request):
        return False


# --- Panels ----------------------------------------------------------------------------------------
OFFER = (
    (_("Offer"), lambda offer: offer),
    (_("Pack size"), lambda offer: format_quantity(offer.pack_size) if offer.pack_size else ""),
)
PRICE = (
    (_("Price"), lambda price: price),
    (_("Seen"), lambda price: format_day(price.seen_at)),
    (_("By"), lambda price: price.seen_by or ""),
    (_("Withdrawn"), lambda price: now("yes") if price.withdrawn_at else ""),
)


def _offers():
    return Offer.objects.select_related("product", "store").order_by("-pk")


def _prices():
    return Price.objects.select_related("offer__product", "offer__store", "seen_by").newest_first()


IMPORT = (
    (_("File"), lambda job: job),
    (_("State"), lambda job: job.get_state_display()),
    (_("Dry run"), lambda job: now("yes") if job.is_rehearsal else now("no")),
    (_("Brought"), lambda job: format_day(job.asked_at)),
)


@panel_of(Store, needs=CatalogueImport)
def imports_of_store(store):
    jobs = CatalogueImport.objects.filter(store=store).select_related("file", "store").order_by("-pk")
    return newest(_("Imported catalogues"), jobs, IMPORT, store=store.pk)


@panel_of(Product, needs=Offer)
def offers_of_product(product):
    return newest(_("Offers"), _offers().filter(product=product), OFFER, product=product.pk)


@panel_of(Store, needs=Offer)
def offers_of_store(store):
    return newest(_("Offers"), _offers().filter(store=store), OFFER, store=store.pk)


@panel_of(Product, needs=Price)
def prices_of_product(product):
    return newest(_("Prices"), _prices().filter(offer__product=product), PRICE, offer__product=product.pk)


@panel_of(Store, needs=Price)
def prices_of_store(store):
    return newest(_("Prices"), _prices().filter(offer__store=store), PRICE, offer__store=store.pk)


@panel_of(Offer, needs=Price)
def prices_of_offer(offer):
    return newest(_("Prices"), _prices().filter(offer=offer), PRICE, offer=offer.pk)


@panel_of(Product, needs=Product)
def lookalikes_of_product(product):
    return _lookalikes(product, ProductPair)


@panel_of(Store, needs=Store)
def lookalikes_of_store(store):
    return _lookalikes(store, StorePair)


def _lookalikes(row, pairs):
    """Those that look the same, until someone tells them apart."""
    found = pairs.objects.of_any([row]).proposed().select_related("first", "second")[:NEWEST]
    others = [[pair.second if pair.first_id == row.pk else pair.first] for pair in found]
    return Panel(_("Looks the same"), (pgettext("thing", "Name"),), others, len(others))
