"""What a store sells as rows for a file that can be brought back (stores/importing)."""

from django.utils import timezone

from stores.models import Offer

COLUMNS = (
    *("name", "brand", "unit", "kind", "step", "barcode", "category", "pack size", "minimum", "note"),
    *("price", "quantity", "day", "currency"),
)


def offer_rows(store):
    """The names of the columns, then each offer with its current price, sorted by product."""
    yield COLUMNS
    offers = Offer.objects.filter(store=store).with_current_price().select_related("product__category")
    for offer in offers.order_by("product__sort_name", "product__brand_key", "pk").iterator():
        product, seen_at = offer.product, offer.current_seen_at
        yield (
            *(product.name, product.brand, product.unit, product.kind, product.step, product.printed_barcode),
            *(product.category and product.category.name, offer.pack_size, offer.min_quantity, offer.note),
            *(offer.current_amount, offer.current_quantity, seen_at and timezone.localdate(seen_at)),
            store.currency,
        )
