"""What people type about stores, products, offers and prices."""

from decimal import Decimal

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.forms import CurrencyField, LineField
from bulq.kit.money import currency_codes, format_quantity
from bulq.kit.names import fold, listed
from bulq.kit.numbers import PriceField, QuantityField, parse_id
from bulq.kit.units import NAMES, unit_name
from stores.models import MAX_STEP, Category, Product, Store, whole_number_needed
from stores.validators import STORED, barcode_in, read_barcode, shown_barcode, typed_digits

UNITS = NAMES | {"L": _("L (litre)")}
OTHER = "other"
LONGEST_KEY = 300


def suggesting(address, *, target="#similar", with_fields="this"):
    """Attributes of an input that shows suggestions below it while someone types."""
    return {
        "hx-get": reverse_lazy(address),
        "hx-trigger": "input changed delay:300ms",
        "hx-target": target,
        "hx-swap": "innerHTML",
        "hx-include": with_fields,
    }


class Correction:
    """A form that corrects `stored` and carries a digest of what it showed.

    If the stored values have changed since, the page shows both, and sending it again overwrites them.
    """

    stored = None

    @property
    def digest(self):
        return self.stored.shown_digest if self.stored else ""

    @property
    def seen(self):
        return self.data.get("seen", "")

    def stored_values(self):
        """`[(label, value)]` of stored values that differ from what was typed, if the page was outdated."""
        if not self.is_bound or self.stored is None or self.seen == self.digest:
            return []
        typed, nothing = getattr(self, "cleaned_data", {}), object()
        return [
            (field.label, readable(field, getattr(self.stored, name)))
            for name, field in self.fields.items()
            if getattr(self.stored, name, nothing) not in (nothing, typed.get(name, ""))
        ]


def readable(field, value):
    if isinstance(value, Decimal):
        return format_quantity(value)
    return dict(getattr(field, "choices", ())).get(value, value) or "–"


class NameField(LineField):
    """A name compared by its folded key, which ligatures can make much longer than what was typed."""

    def __init__(self, **kwargs):
        super().__init__(**{"low": 2, "label": pgettext_lazy("thing", "Name")} | kwargs)

    def validate(self, value):
        super().validate(value)
        if len(fold(value)) > LONGEST_KEY:
            raise ValidationError(_("This name is too long"))


class StoreForm(Correction, forms.Form):
    name = NameField(error_messages={"required": _("Enter the name of the store")})
    chain = LineField(required=False, label=_("Chain"), help_text=_("For example the brand it belongs to"))
    address = LineField(required=False, high=200, label=_("Address"), autocomplete="off")
    currency = CurrencyField(help_text=_("Prices there are in this currency"))

    def __init__(self, *args, stored=None, initial=None, **kwargs):
        self.stored = stored
        if stored:
            initial = {name: getattr(stored, name) for name in self.base_fields}
        super().__init__(*args, initial=initial, **kwargs)
        if not stored:
            self.fields["name"].widget.attrs |= suggesting("store-similar", with_fields="#id_name, #id_next")
        # Removed once it is fixed, but a page opened earlier may still send it.
        if stored and stored.is_currency_fixed and "currency" not in self.data:
            del self.fields["currency"]


def store_initial(query):
    """Initial values for a new store, from the address."""
    currency = query.get("currency")
    return {
        "name": query.get("name", "")[:100],
        "currency": currency if currency in currency_codes() else settings.DEFAULT_CURRENCY,
    }


def product_initial(query):
    """Initial values for a new product, from the address."""
    name = query.get("name", "")[:100]
    if barcode := typed_digits(query.get("barcode") or name):
        return {"barcode": barcode} | store_named_by(query)
    return ({"name": name} if name else {}) | store_named_by(query)


def store_named_by(query):
    store = Store.objects.filter(pk=parse_id(query.get("store"))).first()
    return {"store": store} if store else {}


class StoreNameField(LineField):
    """A store by its name, suggested while typing and looked up by the folded name. Cleans to a `Store`."""

    def __init__(self, **kwargs):
        errors = {"required": _("Enter the name of the store")}
        super().__init__(label=_("Store"), error_messages=errors, **kwargs)
        self.widget.attrs |= {"list": "known-stores"} | suggesting("store-names", target="#known-stores")
        # Otherwise some browsers do not offer the list.
        del self.widget.attrs["autocomplete"]

    def clean(self, value):
        name = super().clean(value)
        if not name:
            return None
        store = Store.objects.of_same_name(name=name).first()
        if store:
            return store
        similar = listed(Store.objects.similar_to(name)[:3])
        if similar:
            raise ValidationError(
                _("There is no store called “%(name)s”. Did you mean %(similar)s?"),
                params={"name": name, "similar": similar},
            )
        raise ValidationError(_("There is no store called “%(name)s”. Add the store first"), params={"name": name})

    def prepare_value(self, value):
        return value.name if isinstance(value, Store) else value


class NoteField(LineField):
    def __init__(self, **kwargs):
        super().__init__(required=False, high=200, label=_("Note"), **kwargs)


class BarcodeField(LineField):
    """A bar code, typed with blanks or hyphens or not. Cleans to 14 digits, or None."""

    def __init__(self, **kwargs):
        super().__init__(required=False, high=30, label=_("Bar code"), autocomplete="off", **kwargs)
        self.widget.attrs["inputmode"] = "numeric"

    def clean(self, value):
        text = super().clean(value)
        return read_barcode(text) if text else None

    def prepare_value(self, value):
        return shown_barcode(value) if value and len(value) == STORED and barcode_in(value) else value


class ProductFields(forms.Form):
    name = NameField(error_messages={"required": _("Enter the name of the product")})
    brand = NameField(low=1, required=False, label=_("Brand"))
    unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[("", _("Choose a unit")), *UNITS.items(), (OTHER, _("other"))],
        error_messages={"required": _("Choose a unit"), "invalid_choice": _("Choose a unit from the list")},
    )
    other_unit = LineField(required=False, high=20, label=_("Other unit"))
    kind = forms.ChoiceField(
        required=False,
        label=_("How it is divided"),
        choices=[("", _("As usual for the unit")), *Product.Kind.choices],
        error_messages={"invalid_choice": _("Choose from the list")},
    )
    step = QuantityField(
        required=False,
        high=MAX_STEP,
        label=_("Step"),
        help_text=_("How much the plus and minus buttons change. Leave empty for the usual step"),
    )
    barcode = BarcodeField(help_text=_("The digits below the bars"))
    category = forms.ModelChoiceField(
        Category.objects.all(),
        required=False,
        label=_("Category"),
        empty_label=_("None"),
        error_messages={"invalid_choice": _("Choose a category from the list")},
    )

    # Set where unit and kind are fixed and not asked for.
    fixed_kind = None

    def clean(self):
        super().clean()
        self._clean_unit()
        unit = self.cleaned_data.get("unit", "")
        kind = self.fixed_kind or self.cleaned_data.get("kind") or Product.usual_kind(unit)
        self.cleaned_data["kind"] = kind
        step = self.cleaned_data.get("step")
        if step is None and "step" not in self.errors:
            self.cleaned_data["step"] = self.usual_step(unit, kind)
        elif step is not None and kind == Product.Kind.COUNTED and step % 1:
            self.add_error("step", Product.counted_in_whole_steps())

    def usual_step(self, unit, kind):
        return Product.usual_step(unit, kind)

    def _clean_unit(self):
        unit, other = self.cleaned_data.get("unit"), self.cleaned_data.get("other_unit", "")
        if unit == OTHER and other:
            # "Kg" and "bottle " are the units we know.
            self.cleaned_data["unit"] = {fold(word): word for word in UNITS}.get(fold(other), other)
        elif unit == OTHER and "other_unit" not in self.errors:
            self.add_error("other_unit", _("Enter the unit, for example “bunch”"))
        elif unit and other:
            self.add_error("other_unit", _("Leave this empty, or choose “other” as the unit"))

    def product_values(self):
        names = ("name", "brand", "unit", "kind", "step", "barcode", "category")
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


class ProductForm(Correction, ProductFields):
    """Corrects a product."""

    def __init__(self, *args, stored, **kwargs):
        self.stored = stored
        unit = {"unit": stored.unit} if stored.unit in UNITS else {"unit": OTHER, "other_unit": stored.unit}
        names = ("name", "brand", "kind", "step", "barcode", "category")
        initial = {name: getattr(stored, name) for name in names} | unit
        super().__init__(*args, initial=initial, **kwargs)
        # Removed once they are fixed, but a page opened earlier may still send them.
        if stored.is_unit_fixed and "unit" not in self.data:
            self.fixed_kind = stored.kind
            for name in ("unit", "other_unit", "kind"):
                del self.fields[name]

    def usual_step(self, unit, kind):
        return super().usual_step(unit or self.stored.unit, kind)


class OfferDetails(forms.Form):
    """Pack, minimum and note of an offer, in units of a product."""

    pack_size = QuantityField(required=False, label=_("In a pack"), help_text=_("Only if sold in whole packs"))
    min_quantity = QuantityField(required=False, label=_("At least"), help_text=_("Smallest amount they sell"))
    note = NoteField(help_text=_("For example “aisle 4” or “only on Saturdays”"))
    quantities = ("pack_size", "min_quantity")

    def show_unit(self, unit):
        for name in self.quantities:
            self.fields[name].widget.unit, self.fields[name].widget.unit_after = unit_name(unit), True

    def refuse_parts(self, kind):
        """Require whole quantities of counted products."""
        for name in self.quantities:
            if kind == Product.Kind.COUNTED and (self.cleaned_data.get(name) or 0) % 1:
                self.add_error(name, whole_number_needed())


class OfferFields(OfferDetails):
    """An offer with its first price."""

    store = StoreNameField(help_text=_("The name it has in the list of stores"))
    amount = PriceField(required=False, label=_("Price"))
    quantity = QuantityField(required=False, label=_("For"), help_text=_("Leave empty for one pack, or for one unit"))
    quantities = ("pack_size", "min_quantity", "quantity")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if isinstance(store := self.initial.get("store"), Store):
            self.fields["amount"].set_currency(store.currency)

    def clean(self):
        super().clean()
        store, amount = self.cleaned_data.get("store"), self.cleaned_data.get("amount")
        if store and amount is not None:
            self.fields["amount"].set_currency(store.currency)
            try:
                self.fields["amount"].validate(amount)
            except ValidationError as error:
                self.add_error("amount", error)
        if amount is None and self.cleaned_data.get("quantity") and "amount" not in self.errors:
            self.add_error("amount", _("Enter the price, or leave the amount it is for empty"))

    def offer_values(self):
        names = ("store", "pack_size", "min_quantity", "note", "amount", "quantity")
        return {name: self.cleaned_data[name] for name in names}


class NewProductForm(ProductFields, OfferFields):
    """A new product, optionally with a store and a first price."""

    field_order = ["name", "brand", "unit", "other_unit", "kind", "step", "store", "amount", "quantity"]
    # Parts of the form that are folded while they are empty.
    FOLDED = {
        "details": ("brand", "kind", "step", "barcode", "category"),
        "offer": ("amount", "quantity", "pack_size", "min_quantity", "note"),
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["store"].required = False
        self.fields["category"].empty_label = _("As the name suggests")
        for name in ("name", "brand"):
            self.fields[name].widget.attrs |= suggesting("product-similar", with_fields="#id_name, #id_brand, #id_next")

    def clean(self):
        super().clean()
        self.refuse_parts(self.cleaned_data.get("kind"))
        given = [value for value in self.offer_values_typed() if value not in (None, "")]
        if given and not self.cleaned_data.get("store") and "store" not in self.errors:
            self.add_error("store", _("Enter the store this is about"))

    def unfolded(self):
        """The parts that hold values or errors. The store alone does not unfold one: the folded heading names it."""
        unfolded = {
            part: any(self[name].value() or self[name].errors for name in names) for part, names in self.FOLDED.items()
        }
        return unfolded | {"offer": unfolded["offer"] or bool(self["store"].errors)}

    def offer_values_typed(self):
        return [self.cleaned_data.get(name) for name in ("pack_size", "min_quantity", "note", "amount", "quantity")]

    def values(self):
        offer = self.offer_values()
        return self.product_values() | {"offer": offer if offer["store"] else None}


class OfferForm(OfferFields):
    """An existing product at another store."""

    field_order = ["store", "amount", "quantity", "pack_size", "min_quantity", "note"]

    def __init__(self, *args, product, **kwargs):
        self.product = product
        super().__init__(*args, **kwargs)
        self.show_unit(product.unit)

    def clean(self):
        super().clean()
        self.refuse_parts(self.product.kind)


class OfferDetailsForm(Correction, OfferDetails):
    """Corrects pack, minimum and note of an offer."""

    def __init__(self, *args, stored, **kwargs):
        self.stored = stored
        initial = {name: getattr(stored, name) for name in self.base_fields}
        super().__init__(*args, initial=initial, **kwargs)
        self.show_unit(stored.product.unit)

    def clean(self):
        super().clean()
        self.refuse_parts(self.stored.product.kind)


class PriceForm(OfferDetails):
    """One price seen at an offer."""

    pack_size = None
    amount = PriceField(label=_("Price"), error_messages={"required": _("Enter a price, for example 7.40")})
    quantity = QuantityField(required=False, label=_("For"), help_text=_("Leave empty for one pack, or for one unit"))
    quantities = ("quantity", "min_quantity")
    field_order = ["amount", "quantity", "min_quantity", "note"]

    def __init__(self, *args, offer, **kwargs):
        self.offer = offer
        super().__init__(*args, initial={"quantity": offer.pack_size or Decimal(1)}, **kwargs)
        self.fields["amount"].set_currency(offer.store.currency)
        self.show_unit(offer.product.unit)

    def clean(self):
        super().clean()
        self.refuse_parts(self.offer.product.kind)
        if self.cleaned_data.get("quantity") is None and "quantity" not in self.errors:
            self.cleaned_data["quantity"] = self.offer.pack_size or Decimal(1)
