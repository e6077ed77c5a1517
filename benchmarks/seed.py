"""One group of 30 people, a store with 200 products and prices, and runs of 60 products."""

import random
from datetime import timedelta
from decimal import Decimal

from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from accounts.models import Group, Membership, User
from bids.actions.bidding import Terms, Wish, place_bids
from bids.actions.runs import start_run
from stores.models import Offer, Price, Product, Store

from .seed_money import seed_money

PEOPLE, PRODUCTS, IN_RUN, BIDDERS = 30, 200, 60, 20


def seed():
    """Write the data; returns what the load needs to know of it."""
    chance = random.Random(7)
    people = [User.objects.create(username=f"person{n}", name=f"Person Number {n}") for n in range(PEOPLE)]
    group = Group.objects.create(name="Bench", currency="EUR")
    Membership.objects.bulk_create(Membership(group=group, user=user, is_admin=user == people[0]) for user in people)
    store = Store.objects.create(name="Bench Store", currency="EUR")
    Store.objects.bulk_create(Store(name=f"Store {n}", name_key=f"store{n}", currency="EUR") for n in range(60))
    products = _catalogue(store, chance)
    runs = {bidders: _run(group, store, people, products, bidders) for bidders in (5, 10, BIDDERS)}
    friend, friends = seed_money(store)
    crowd = start_run(group, store=store, by=people[0])
    return {
        "cookies": [_session(user) for user in people],
        "friend": _session(friend),
        "friends": friends.pk,
        "store": store.pk,
        "runs": {bidders: run.pk for bidders, run in runs.items()},
        "crowd": crowd.pk,
        "products": [product.pk for product in products[:IN_RUN]],
    }


def _catalogue(store, chance=None, prefix="Product"):
    chance = chance or random.Random(7)
    products = [
        Product.objects.create(name=f"{prefix} {n:03}", brand="Brand", unit="piece", kind="counted", step=Decimal(1))
        for n in range(PRODUCTS)
    ]
    offers = Offer.objects.bulk_create(Offer(product=product, store=store, pack_size=12) for product in products)
    Price.objects.bulk_create(
        Price(
            offer=offer,
            amount=Decimal(chance.randint(100, 5000)) / 100,
            quantity=12,
            seen_at=timezone.now() - timedelta(days=days),
        )
        for offer in offers
        for days in range(0, 360, 12)
    )
    return products


def _run(group, store, people, products, bidders):
    run = start_run(group, store=store, by=people[0])
    for n, user in enumerate(people[:bidders]):
        wishes = [Wish(product.pk, Decimal(1 + (n + k) % 5)) for k, product in enumerate(products[:IN_RUN])]
        for wish in wishes[n % 4 :: 4]:
            wish.terms = Terms(limit=wish.quantity + 2)  # more is fine with every fourth
        place_bids(run, wishes, by=user)
    return run


def _session(user):
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    return session.session_key
