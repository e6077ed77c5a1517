"""What people type about stores, products, offers and prices."""

from .catalogue import (
    BarcodeField,
    Correction,
    NameField,
    NewProductForm,
    NoteField,
    OfferDetails,
    OfferDetailsForm,
    OfferFields,
    OfferForm,
    PriceForm,
    ProductFields,
    ProductForm,
    StoreForm,
    product_initial,
    store_initial,
    store_named_by,
)
from .references import ReferencePriceForm

__all__ = [
    "BarcodeField",
    "Correction",
    "NameField",
    "NewProductForm",
    "NoteField",
    "OfferDetails",
    "OfferDetailsForm",
    "OfferFields",
    "OfferForm",
    "PriceForm",
    "ProductFields",
    "ProductForm",
    "ReferencePriceForm",
    "StoreForm",
    "product_initial",
    "store_initial",
    "store_named_by",
]
