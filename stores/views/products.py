from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from bulq.kit.http import answer, flash_errors
from stores.access import get_product, get_product_corrected_by, may_correct
from stores.actions.catalogue import change_product, create_product
from stores.forms import NewProductForm, ProductForm, product_initial
from stores.models import Offer, Price, Product, price_charts, with_cheapest
from stores.reading import first_stores

from .onward import detour, go_on, next_path, onward_url, typed_before

PER_PAGE = 50
LATEST_PRICES = 10
MOST_SIMILAR = 5


@require_safe
def products(request):
    query = request.GET.get("q", "")
    page = Paginator(Product.objects.search(query), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = with_cheapest(page.object_list)
    return render(request, "stores/products.html", {"page": page, "query": query})


@require_safe
def product(request, product_id):
    item = get_product(product_id)
    offers = Offer.objects.filter(product=item).select_related("store").with_current_unit_price().with_price_range()
    page = Paginator(offers.cheapest_first(), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = list(page.object_list)
    context = {
        "product": item,
        "aliases": [alias.name for alias in item.aliases.order_by("name")],
        "page": page,
        "charts": price_charts(page.object_list),
        "prices": _prices_of(item)[:LATEST_PRICES],
        "reference_prices": item.reference_prices.order_by("currency"),
        "may_correct": may_correct(item, request.user),
    }
    return render(request, "stores/product.html", context)


@require_safe
def product_prices(request, product_id):
    """Everything that was seen, withdrawn or not."""
    item = get_product(product_id)
    page = Paginator(_prices_of(item), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "stores/product_prices.html", {"product": item, "page": page, "prices": page.object_list})


def _prices_of(product):
    return Price.objects.filter(offer__product=product).select_related("offer__store").newest_first()


@require_http_methods(["GET", "POST"])
def product_new(request):
    if request.POST.get("detour"):
        return detour(request, "store-new", name=request.POST.get("store", ""))
    form = NewProductForm(request.POST or None, initial=typed_before(request) | product_initial(request.GET))
    if form.is_valid():
        with flash_errors(form):
            made = create_product(by=request.user, **form.values())
            messages.success(request, _("%(name)s is now in the list.") % {"name": made})
            return go_on(request, product=made.pk)
    context = {
        "next": next_path(request),
        "similar": _similar(request, form["name"].value(), form["brand"].value()),
        "known_stores": first_stores(),
    }
    return answer(request, "stores/product_new.html", context, form=form)


@require_http_methods(["GET", "POST"])
def product_edit(request, product_id):
    stored = get_product_corrected_by(request.user, product_id)
    form = ProductForm(request.POST or None, stored=stored)
    if form.is_valid():
        with flash_errors(form):
            change_product(product_id, by=request.user, seen=form.seen, **form.product_values())
            messages.success(request, _("Saved"))
            return redirect("product", product_id)
    similar = _similar(request, form["name"].value(), form["brand"].value(), besides=stored) if form.errors else []
    return answer(request, "stores/product_edit.html", {"product": stored, "similar": similar}, form=form)


@require_safe
def product_similar(request):
    """What may be meant by the name that is being typed."""
    similar = _similar(request, request.GET.get("name"), request.GET.get("brand"))
    return render(request, "stores/_similar.html", {"similar": similar}) if similar else HttpResponse()


def _similar(request, name, brand, besides=None):
    found = Product.objects.similar_to(name or "", brand or "").exclude(pk=besides and besides.pk)[:MOST_SIMILAR]
    path = next_path(request)
    return [(product, onward_url(path, product=product.pk)) for product in found]
