from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from bulq.kit.http import answer, flash_errors, offer_undo
from stores.access import get_offer, get_price, get_product
from stores.actions.catalogue import change_offer, create_offer
from stores.actions.prices import log_price, restore_price, set_reference_price, withdraw_price
from stores.forms import OfferDetailsForm, OfferForm, PriceForm, ReferencePriceForm, store_initial, store_named_by
from stores.models import Offer
from stores.reading import first_stores

from .onward import detour, next_path, typed_before


@require_http_methods(["GET", "POST"])
def offer_new(request, product_id):
    product = get_product(product_id)
    if request.POST.get("detour"):
        return detour(request, "store-new", name=request.POST.get("store", ""))
    form = OfferForm(request.POST or None, product=product, initial=typed_before(request) | store_named_by(request.GET))
    existing = None
    if form.is_valid():
        existing = Offer.objects.filter(product=product, store=form.cleaned_data["store"])
        with flash_errors(form):
            create_offer(product, by=request.user, **form.offer_values())
            messages.success(request, _("Saved"))
            return redirect("product", product_id)
    context = {
        "product": product,
        "known_stores": first_stores(),
        "existing": existing and existing.first(),
    }
    return answer(request, "stores/offer_new.html", context, form=form)


@require_http_methods(["GET", "POST"])
def offer_edit(request, offer_id):
    stored = get_offer(offer_id)
    form = OfferDetailsForm(request.POST or None, stored=stored)
    if form.is_valid():
        with flash_errors(form):
            change_offer(offer_id, seen=form.seen, **form.cleaned_data)
            messages.success(request, _("Saved"))
            return redirect("product", stored.product_id)
    return answer(request, "stores/offer_edit.html", {"offer": stored}, form=form)


@require_http_methods(["GET", "POST"])
def price_new(request, offer_id):
    offer = get_offer(offer_id)
    form = PriceForm(request.POST or None, offer=offer)
    if form.is_valid():
        with flash_errors(form):
            log_price(offer, by=request.user, **form.cleaned_data)
            messages.success(request, _("The price is saved."))
            return redirect("product", offer.product_id)
    return answer(request, "stores/price_new.html", {"offer": offer}, form=form)


@require_http_methods(["GET", "POST"])
def reference_price(request, product_id):
    """The price that runs are compared with, in the currency of the address unless another one is typed."""
    product = get_product(product_id)
    form = ReferencePriceForm(request.POST or None, product=product, currency=store_initial(request.GET)["currency"])
    if form.is_valid():
        with flash_errors(form):
            set_reference_price(product, by=request.user, seen=form.seen, **form.cleaned_data)
            messages.success(request, _("The price is saved."))
            return redirect("product", product_id)
    return answer(request, "stores/product_elsewhere.html", {"product": product}, form=form)


@require_POST
def price_withdraw(request, price_id):
    price = get_price(price_id)
    withdraw_price(price, by=request.user)
    offer_undo(request, _("The price is withdrawn."), "price-restore", price_id)
    return redirect(next_path(request) or reverse("product", args=[price.offer.product_id]))


@require_POST
def price_restore(request, price_id):
    price = get_price(price_id)
    restore_price(price, by=request.user)
    messages.success(request, _("The price is back."))
    return redirect(next_path(request) or reverse("product", args=[price.offer.product_id]))
