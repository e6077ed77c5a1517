"""Choosing a product of the catalogue for a run: searched, or narrowed to a category."""

from django.core.paginator import Paginator

from bulq.kit.numbers import parse_id
from stores.models import Product
from stores.reading import lines_at, picker_page, used_categories


def picking_context(request, run, per_page):
    """A page of `(product, its offer at the run's store or None)`, and what was asked for.

    Sold at this store first, then as in a search or, without one, verified first and by name.
    """
    query, number = request.GET.get("q", ""), request.GET.get("page")
    categories = used_categories()
    category = chosen_category(request, categories)
    if query.strip() or category:
        within = Product.objects.filter(category=category) if category else Product.objects.all()
        page = Paginator(within.search(query).sold_first_at(run.store_id), per_page).get_page(number)
        ids = [product.pk for product in page.object_list]
        lines = lines_at(run.store_id, ids) if ids else {}
        page.object_list = [lines[pk] for pk in ids]
    else:
        page = picker_page(run.store, number, per_page)
    return {"page": page, "query": query, "categories": categories, "category": category}


def chosen_category(request, categories):
    """The one that the address names; None for none of these."""
    wanted = parse_id(request.GET.get("category", ""))
    return next((category for category in categories if category.pk == wanted), None)
