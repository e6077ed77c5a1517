from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from bulq.kit.http import answer, flash_errors
from stores.access import get_store_corrected_by, may_correct
from stores.actions.catalogue import change_store, create_store
from stores.forms import StoreForm, store_initial
from stores.models import Offer, Store
from stores.reading import offers_page, stores_page

from .onward import go_on, next_path, onward_url

PER_PAGE = 50
MOST_SIMILAR = 5
MOST_NAMES = 20


@require_safe
def stores(request):
    query, number = request.GET.get("q", ""), request.GET.get("page")
    if query.strip():
        page = Paginator(Store.objects.search(query), PER_PAGE).get_page(number)
    else:
        page = stores_page(number, PER_PAGE)
    return render(request, "stores/stores.html", {"page": page, "query": query})


def store_context(request, store):
    """Context of a store page, as far as the catalogue goes; the app with runs adds those."""
    query, number = request.GET.get("q", ""), request.GET.get("page")
    if query.strip():
        offers = Offer.objects.filter(store=store).select_related("product").with_current_unit_price()
        page = Paginator(offers.of_products_like(query), PER_PAGE).get_page(number)
    else:
        page = offers_page(store, number, PER_PAGE)
    return {
        "store": store,
        "query": query,
        "page": page,
        "may_correct": may_correct(store, request.user),
    }


@require_http_methods(["GET", "POST"])
def store_new(request):
    form = StoreForm(request.POST or None, initial=store_initial(request.GET))
    if form.is_valid():
        with flash_errors(form):
            made = create_store(by=request.user, **form.cleaned_data)
            messages.success(request, _("%(name)s is now in the list.") % {"name": made})
            return go_on(request, store=made.pk)
    context = {"next": next_path(request), "similar": _similar(request, form["name"].value())}
    return answer(request, "stores/store_new.html", context, form=form)


@require_http_methods(["GET", "POST"])
def store_edit(request, store_id):
    stored = get_store_corrected_by(request.user, store_id)
    form = StoreForm(request.POST or None, stored=stored)
    if form.is_valid():
        with flash_errors(form):
            change_store(store_id, by=request.user, seen=form.seen, **form.cleaned_data)
            messages.success(request, _("Saved"))
            return redirect("store", store_id)
    similar = _similar(request, form["name"].value(), besides=stored) if form.errors else []
    return answer(request, "stores/store_edit.html", {"store": stored, "similar": similar}, form=form)


@require_safe
def store_similar(request):
    """What may be meant by the name that is being typed."""
    similar = _similar(request, request.GET.get("name"))
    return render(request, "stores/_similar.html", {"similar": similar}) if similar else HttpResponse()


def _similar(request, name, besides=None):
    found = Store.objects.similar_to(name or "").exclude(pk=besides and besides.pk)[:MOST_SIMILAR]
    path = next_path(request)
    return [(store, onward_url(path, store=store.pk)) for store in found]


@require_safe
def store_names(request):
    """Options for an input in which the name of a store is being typed."""
    known = Store.objects.search(request.GET.get("store", ""))[:MOST_NAMES]
    return render(request, "stores/_store_names.html", {"known_stores": known})
