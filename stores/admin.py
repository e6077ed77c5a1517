"""The catalogue for site admins, with the same checks as the ordinary forms."""

from django import forms
from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from accounts.forms import CurrencyField, LineField
from bulq.kit.numbers import PriceField, QuantityField, parse_id

from .forms import NameField, NoteField
from .models import MAX_STEP, Category, Offer, Price, Product, ProductAlias, Store


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


class OfferForm(forms.ModelForm):
    pack_size = QuantityField(required=False, label=_("Pack size"))
    min_quantity = QuantityField(required=False, label=_("Minimum quantity"))
    note = NoteField()


class PriceForm(forms.ModelForm):
    amount = PriceField(label=_("Amount"))
    quantity = QuantityField(label=_("For a quantity of"))
    min_quantity = QuantityField(required=False, label=_("Minimum quantity"))
    note = NoteField()


class CatalogueAdmin(admin.ModelAdmin):
    """Writes the changed columns only, and turns conflicts with another request into a sentence."""

    list_per_page = 50
    show_full_result_count = False
    # Derived columns, written together with their source.
    written_along = {"name": "name_key", "brand": "brand_key"}

    def save_model(self, request, obj, form, change):
        if not change:
            if hasattr(obj, "created_by"):
                obj.created_by = request.user
            obj.save()
            return
        columns = {field.name for field in obj._meta.concrete_fields}.intersection(form.changed_data)
        along = {self.written_along[name] for name in columns & self.written_along.keys()}
        obj.save(update_fields=columns | along)

    def changeform_view(self, request, *args, **kwargs):
        return self._refused(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request, *args, **kwargs):
        return self._refused(request, super().delete_view, *args, **kwargs)

    def _refused(self, request, view, *args, **kwargs):
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except IntegrityError:
            sentence = _(
                "Someone else got there first: the name is taken, or this is in use by now. Nothing was changed."
            )
            self.message_user(request, sentence, messages.ERROR)
            return redirect(request.get_full_path())


@admin.register(Store)
class StoreAdmin(CatalogueAdmin):
    form = StoreForm
    list_display = ("name", "chain", "address", "currency", "is_verified", "created_at")
    list_filter = ("is_verified", "currency")
    search_fields = ("name", "chain", "address")
    ordering = ("sort_name",)
    fields = ("name", "chain", "address", "currency", "is_currency_fixed", "is_verified", "created_by", "created_at")

    def get_readonly_fields(self, request, obj=None):
        fixed = ("is_currency_fixed", "created_by", "created_at")
        return (*fixed, "currency") if obj and obj.is_currency_fixed else fixed


@admin.register(Product)
class ProductAdmin(CatalogueAdmin):
    form = ProductForm
    list_display = ("name", "brand", "unit", "kind", "step", "is_verified", "created_at")
    list_filter = ("is_verified", "kind")
    search_fields = ("name", "brand")
    ordering = ("sort_name", "brand_key")
    fields = ("name", "brand", "unit", "kind", "step", "is_unit_fixed", "is_verified", "created_by", "created_at")

    def get_readonly_fields(self, request, obj=None):
        fixed = ("is_unit_fixed", "created_by", "created_at")
        return (*fixed, "unit", "kind") if obj and obj.is_unit_fixed else fixed


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    list_display = ("name", "symbol", "position")
    search_fields = ("name", "words")


@admin.register(ProductAlias)
class ProductAliasAdmin(admin.ModelAdmin):
    list_display = ("name", "product")
    list_select_related = ("product",)
    search_fields = ("name", "product__name")
    autocomplete_fields = ("product",)
    list_per_page = 50


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

    def get_changeform_initial_data(self, request):
        """Initial values from the address; Django's autocomplete fields take numbers only."""
        given = super().get_changeform_initial_data(request).items()
        return {name: value for name, value in given if name not in self.autocomplete_fields or parse_id(value)}

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
