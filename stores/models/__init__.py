"""Stores, products, where a product is sold, and what it was seen to cost."""

from .catalogue import MAX_STEP, Folded, Product, Store
from .generations import Generation
from .prices import Offer, Price, chart_points, price_charts, whole_number_needed, with_cheapest

__all__ = [
    "MAX_STEP",
    "Folded",
    "Generation",
    "Offer",
    "Price",
    "Product",
    "Store",
    "chart_points",
    "price_charts",
    "whole_number_needed",
    "with_cheapest",
]
