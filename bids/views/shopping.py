"""In the shop: the list on a phone, what is bought, added or not there, and finishing."""

from decimal import Decimal
from operator import attrgetter

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from bids.access import (
    check_leads,
    check_shops,
    get_item,
    get_purchase,
    get_run_shopped_by,
    get_run_to_show,
)
from bids.actions import shopping
from bids.forms import AddInShopForm, FinishForm, PriceForm, PurchaseForm
from bids.reading.basket import Basket
from bids.reading.guidance import next_step
from bids.reading.standing import standing_of
from bulq.kit.http import answer, carry_what_is_there, flash_errors, offer_undo
from bulq.kit.numbers import parse_id
from stores.actions.prices import record_price
from stores.models import Offer, Product
from stores.reading import categories_of

from .order_table import new_product_query
from .picking import chosen_category, picking_context
from .shopping_list import ShoppingList, purchase_form

FOUND_SHOWN = 20
# Fields that get new values when a form is sent again.
FRESH = {"csrfmiddlewaretoken", "once", "seen"}


def shop_page(request, run, *, status=200, item=None, form=None):
    """The list; `form` is the refused form of the line `item`, which stays open. `?open=` names another one to open."""
    basket, standing = Basket(run), standing_of(run, request.user)
    may_shop = standing.leads or standing.helps
    shopping_list = ShoppingList(request, run, may_shop=may_shop, query=_query(request))
    unfolded = {item.pk: form} if form else {}
    if (opened := parse_id(request.GET.get("open"))) and opened not in unfolded:
        unfolded[opened] = None
    category_of = categories_of(line.product.pk for line in basket.open)
    categories = sorted(set(category_of.values()), key=attrgetter("position", "name"))
    category = chosen_category(request, categories)
    lines = [
        line for line in basket.open if category in (None, category_of.get(line.product.pk)) or line.item.pk in unfolded
    ]
    context = {"run": run, "basket": basket, "form": form, "next_step": next_step(standing)}
    context |= {"to_buy": shopping_list.html(lines, unfolded), "left": len(basket.open)}
    context |= {"categories": categories, "category": category}
    context |= {"may_shop": may_shop, "is_leader": standing.leads}
    return render(request, "bids/shop.html", context, status=status)


def _query(request):
    """The part of the address that narrows the list, kept from one tick to the next."""
    category = parse_id(request.GET.get("category", ""))
    return f"?category={category}" if category else ""


def _to_the_list(request, run):
    return redirect(reverse("run", args=[run.pk]) + _query(request))


@require_GET
def shop(request, run_id):
    run = get_run_to_show(request.user, run_id)
    if run.stage_page != "shop":
        messages.info(request, next_step(standing_of(run, request.user)))
        return redirect("run", run.pk)
    return shop_page(request, run)


@require_http_methods(["GET", "POST"])
def buy(request, run_id, item_id):
    """Tick a line, from the list or, for a line that is in the cart already, from a page of its own."""
    run = get_run_to_show(request.user, run_id)
    check_shops(run, request.user)
    item = get_item(run, item_id)
    line = Basket(run).line_of(item)
    form = purchase_form(line, run, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        with flash_errors(form):
            try:
                shopping.buy(item, quantity=data["quantity"], total=data["total"], seen=data["seen"], by=request.user)
            except shopping.AlreadyBought as already:
                return _ask_again(request, run, item, already)
            _offer_undo(request, run, item)
            return _to_the_list(request, run)
    if request.method == "GET" or not line.is_open:
        return answer(request, "bids/item_again.html", {"run": run, "item": item}, form=form)
    return shop_page(request, run, status=getattr(form, "refusal_status", 422), item=item, form=form)


def _ask_again(request, run, item, already):
    """Someone ticked the line first: the same form again, with what is stored now."""
    typed = [(name, value) for name, value in request.POST.items() if name not in FRESH]
    context = {"run": run, "item": item, "typed": typed, "already": already, "seen": already.item.version}
    return render(request, "bids/already_bought.html", context, status=already.status)


def _offer_undo(request, run, item):
    bought = item.purchases.order_by("-pk").first()
    text = _("%(product)s is in the cart") % {"product": item.product.name}
    offer_undo(request, text, "purchase-undo", run.pk, bought.pk)


@require_http_methods(["GET", "POST"])
def purchase_edit(request, run_id, purchase_id):
    run = get_run_shopped_by(request.user, run_id)
    purchase = get_purchase(run, purchase_id)
    product = purchase.item.product
    offer = Offer.objects.filter(product=product, store=run.store_id).first()
    initial = {
        "quantity": purchase.quantity,
        "counted_in": "unit",
        "price": purchase.total,
        "price_for": "all",
    }
    form = PurchaseForm(
        request.POST or None, unit=product.unit, pack=offer.pack_size if offer else None, currency=run.currency,
        initial=initial | {"seen": purchase.item.version},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        with flash_errors(form):
            shopping.edit_purchase(
                purchase, quantity=data["quantity"], total=data["total"], seen=data["seen"], by=request.user
            )
            messages.success(request, _("Saved: %(product)s") % {"product": product.name})
            return redirect("run", run.pk)
        carry_what_is_there(form, seen=get_item(run, purchase.item_id).version)
    return answer(request, "bids/purchase_edit.html", {"run": run, "purchase": purchase}, form=form)


@require_POST
def purchase_undo(request, run_id, purchase_id):
    run = get_run_shopped_by(request.user, run_id)
    purchase = get_purchase(run, purchase_id)
    shopping.undo_purchase(purchase, by=request.user)
    messages.success(request, _("%(product)s is back on the list") % {"product": purchase.item.product.name})
    return redirect("run", run.pk)


@require_POST
def not_there(request, run_id, item_id):
    run = get_run_shopped_by(request.user, run_id)
    item, missing = get_item(run, item_id), request.POST.get("there") != "1"
    shopping.set_not_there(item, missing, by=request.user)
    text = _("%(product)s is not there") if missing else _("%(product)s is back on the list")
    messages.success(request, text % {"product": item.product.name})
    return _to_the_list(request, run)


@require_POST
def instead(request, run_id, item_id, product_id):
    """Those who named this product take it instead of one that is not there."""
    run = get_run_shopped_by(request.user, run_id)
    item, substitute = get_item(run, item_id), get_object_or_404(Product, pk=product_id)
    if shopping.swap(item, substitute, by=request.user):
        messages.success(request, _("%(product)s is on the list") % {"product": substitute.name})
    return _to_the_list(request, run)


@require_http_methods(["GET", "POST"])
def shop_price(request, run_id, item_id):
    """Log a price that was seen, without buying."""
    run = get_run_shopped_by(request.user, run_id)
    product = get_item(run, item_id).product
    offer = Offer.objects.filter(product=product, store=run.store_id).first()
    preset = (offer and offer.pack_size) or Decimal(1)
    form = PriceForm(request.POST or None, currency=run.currency, unit=product.unit, initial={"quantity": preset})
    if request.method == "POST" and form.is_valid():
        with flash_errors(form):
            record_price(product, run.store, by=request.user, **form.cleaned_data)
            messages.success(request, _("The price is saved."))
            return redirect("run", run.pk)
    return answer(request, "bids/shop_price.html", {"run": run, "product": product}, form=form)


@require_http_methods(["GET", "POST"])
def shop_add(request, run_id):
    """Choose a product, then say how much of it and for whom."""
    run = get_run_shopped_by(request.user, run_id)
    people = User.objects.filter(participations__in=run.participations.current()).order_by("name", "pk")
    if request.method == "GET" and "product" not in request.GET:
        context = {"run": run, "new_product_query": new_product_query(request, run)}
        context |= picking_context(request, run, FOUND_SHOWN)
        return render(request, "bids/shop_search.html", context)
    chosen = request.POST.get("product") or request.GET.get("product", "")
    product = get_object_or_404(Product, pk=parse_id(chosen))
    form = AddInShopForm(request.POST or None, people=people, initial={"product": product, "whose": request.user})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        with flash_errors(form):
            shopping.add_while_shopping(run, product, quantity=data["quantity"], whose=data["whose"], by=request.user)
            messages.success(request, _("%(product)s is on the list") % {"product": product.name})
            return redirect("run", run.pk)
    return answer(request, "bids/shop_add.html", {"run": run, "product": product}, form=form)


@require_http_methods(["GET", "POST"])
def shop_finish(request, run_id):
    """What is left, who paid, and whether the sum is right."""
    run = get_run_to_show(request.user, run_id)
    check_leads(run, request.user)
    people = User.objects.filter(participations__in=run.participations.current()).order_by("name", "pk")
    basket = Basket(run)
    initial = {"payer": run.payer_id or run.leader_id, "open_lines": len(basket.open)}
    form = FinishForm(request.POST or None, people=people, initial=initial)
    if request.method == "POST" and form.is_valid():
        with flash_errors(form):
            shopping.finish_shopping(run, by=request.user, **form.cleaned_data)
            messages.success(request, _("Shopping is finished."))
            return redirect("run", run.pk)
        carry_what_is_there(form, open_lines=len(basket.open))
    return answer(request, "bids/shop_finish.html", {"run": run, "basket": basket}, form=form)
