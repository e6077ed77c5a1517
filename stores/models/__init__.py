"""Stores, products, where a product is sold, and what it was seen to cost."""

from .brought import CatalogueFile, CatalogueFilePart, CatalogueImport
from .catalogue import MAX_STEP, Product, ProductAlias, Store
from .categories import Category, guess_categories, guess_category
from .finding import SIMILAR, Folded, Sought, Words
from .forwarding import ForwardedProduct, ForwardedStore, forwarded
from .generations import Generation
from .pairs import ProductPair, StorePair
from .prices import Offer, Price, chart_points, price_charts, whole_number_needed, with_cheapest
from .references import ReferencePrice
from .units import standard_unit

__all__ = [
    "MAX_STEP",
    "SIMILAR",
    "CatalogueFile",
    "CatalogueFilePart",
    "CatalogueImport",
    "Category",
    "Folded",
    "ForwardedProduct",
    "ForwardedStore",
    "Generation",
    "Offer",
    "Price",
    "Product",
    "ProductAlias",
    "ProductPair",
    "ReferencePrice",
    "Sought",
    "Store",
    "StorePair",
    "Words",
    "chart_points",
    "forwarded",
    "guess_categories",
    "guess_category",
    "price_charts",
    "standard_unit",
    "whole_number_needed",
    "with_cheapest",
]
