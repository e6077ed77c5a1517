"""What pages of the catalogue are read from: its lists, which are kept in the cache, and searching."""

from .lists import (
    OfferLine,
    ProductLine,
    StoreLine,
    categories_of,
    first_stores,
    lines_at,
    offers_page,
    picker_page,
    stores_page,
    used_categories,
)
from .search import Findings, Found, find

__all__ = [
    "Findings",
    "Found",
    "OfferLine",
    "ProductLine",
    "StoreLine",
    "categories_of",
    "find",
    "first_stores",
    "lines_at",
    "offers_page",
    "picker_page",
    "stores_page",
    "used_categories",
]
