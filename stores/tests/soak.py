"""C1: several processes change the catalogue at random, and every read through the cache shows the current state.

`make soak` plays 100,000 operations in four processes on servers of its own; the suite plays fewer.
After each commit a player reads one list through the cache and from the database: its own rows must match (nobody
else changes them), and often, within one snapshot, the whole list.
"""

import argparse
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
PLAYERS, OPERATIONS = 4, 100_000
MANY = 10_000


class RolledBack(Exception):
    pass


class Player:
    def __init__(self, number, seed):
        from accounts.models import User
        from stores.models import Product, Store

        self.dice, self.number, self.counts = Random(f"{number}:{seed}"), number, Counter()
        self.user = User.objects.get_or_create(username=f"player{number}", defaults={"name": "Player"})[0]
        shared = [Store.objects.get_or_create(name_key=f"shop{n}", defaults={"name": f"Shop {n}", "currency": "EUR"})[0]
                  for n in range(3)]  # fmt: skip
        self.own_store = Store.objects.create(name=f"Own {number} {seed}", currency="EUR")
        self.stores = [*shared, self.own_store]
        self.products = [
            Product.objects.create(name=f"Thing {number} {seed} {n}", unit="kg", kind="divisible", step=1)
            for n in range(4)
        ]

    def play(self, operations):
        from django.db import transaction

        from bulq.kit.errors import BulqError

        ways = [name for name in dir(self) if name.startswith("do_")]
        for _ in range(operations):
            way, store, product = self.dice.choice(ways), self.dice.choice(self.stores), self.dice.choice(self.products)
            is_undone = self.dice.random() < 0.1
            try:
                with transaction.atomic():
                    getattr(self, way)(store, product)
                    if self.dice.random() < 0.2:
                        through_cache("offers", store)  # within the transaction, before its end
                    if is_undone:
                        raise RolledBack
            except (RolledBack, BulqError):
                self.counts["undone"] += 1
            self.compare(store)
            self.counts[way] += 1

    # --- What changes -------------------------------------------------------------------------------
    def do_price(self, store, product):
        from stores.actions.prices import record_price

        record_price(product, store, amount=Decimal(self.dice.randint(1, 999)), quantity=Decimal(1), by=self.user)

    def do_withdraw(self, store, product):
        from django.utils import timezone

        from stores.models import Price

        when = self.dice.choice([None, timezone.now()])
        for price in Price.objects.filter(offer__product=product, offer__store=store).order_by("-pk")[:1]:
            price.withdrawn_at = when
            price.save(update_fields=["withdrawn_at"])

    def do_correct_many_prices(self, store, product):
        from stores.models import Price

        prices = list(Price.objects.filter(offer__product=product).order_by("-pk")[:3])
        for price in prices:
            price.amount = Decimal(self.dice.randint(1, 999))
        Price.objects.bulk_update(prices, ["amount"])

    def do_add_many_prices(self, store, product):
        from stores.models import Offer, Price

        offers = Offer.objects.filter(product=product)
        Price.objects.bulk_create(Price(offer=offer, amount=self.dice.randint(1, 999), quantity=2) for offer in offers)

    def do_offer(self, store, product):
        from stores.models import Offer

        pack = Decimal(self.dice.randint(1, 99))
        Offer.objects.update_or_create(product=product, store=store, defaults={"pack_size": pack})

    def do_many_offers(self, store, product):
        from stores.models import Offer

        Offer.objects.filter(product=product).update(note=f"note {self.dice.randint(0, 99)}")

    def do_remove(self, store, product):
        from stores.models import Offer, Price

        Price.objects.filter(offer__product=product, offer__store=store).delete()
        Offer.objects.filter(product=product, store=store).delete()

    def do_rename(self, store, product):
        product.brand = f"Brand {self.dice.randint(0, 99)}"
        product.save()

    def do_verify(self, store, product):
        from stores.models import Product, Store

        Product.objects.filter(pk=product.pk).update(is_verified=self.dice.random() < 0.5)
        Store.objects.filter(pk=self.own_store.pk).update(is_verified=self.dice.random() < 0.5)

    def do_store(self, store, product):
        self.own_store.refresh_from_db()
        self.own_store.address = f"Street {self.dice.randint(0, 99)}"
        self.own_store.save()

    # --- What is seen -------------------------------------------------------------------------------
    def compare(self, store):
        """One of the lists, through the cache and by plain queries."""
        from django.db import connection, transaction

        from bulq.kit import cache

        name = self.dice.choice(LISTS)
        cached, there = through_cache(name, store), in_database(name, store)
        mine = {self.own_store.pk} if name == "stores" else {product.pk for product in self.products}
        ours = [[row for row in rows if row[0] in mine] for rows in (cached, there)]
        assert ours[0] == ours[1], f"stale {name}: {ours}"
        self.counts["compared"] += 1
        if self.dice.random() < 0.3:
            hits = cache.counts["hit"]
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cached, there = through_cache(name, store), in_database(name, store)
            assert cached == there, f"stale {name} within a snapshot: {cached} {there}"
            self.counts["compared in a snapshot, kept"] += cache.counts["hit"] - hits > 0


LISTS = ("stores", "offers", "picker")
STORE = ("pk", "name", "chain", "address", "currency", "is_verified")
PRODUCT = ("pk", "name", "brand", "unit", "kind", "step", "is_verified")
OFFER = ("pk", "pack_size", "min_quantity", "note", "current_amount", "current_quantity", "current_seen_at")


def shown(row, columns):
    return tuple(getattr(row, name) for name in columns)


def shown_offer(product, offer):
    return shown(product, PRODUCT) + (shown(offer, OFFER) if offer else ())


def through_cache(name, store):
    from stores.reading import offers_page, picker_page, stores_page

    if name == "stores":
        return [shown(store, STORE) for store in stores_page(1, MANY).object_list]
    if name == "offers":
        return [shown_offer(offer.product, offer) for offer in offers_page(store, 1, MANY).object_list]
    return [shown_offer(*pair) for pair in picker_page(store, 1, MANY).object_list]


def in_database(name, store):
    """The same by plain queries, written independently of the lists."""
    from stores.models import Offer, Product, Store

    if name == "stores":
        return [shown(store, STORE) for store in Store.objects.order_by("-is_verified", "sort_name", "pk")]
    offers = list(Offer.objects.filter(store=store).select_related("product").with_current_price())
    if name == "offers":
        offers.sort(key=lambda offer: (offer.product.sort_name, offer.product.brand_key, offer.product.pk))
        return [shown_offer(offer.product, offer) for offer in offers]
    sold = {offer.product_id: offer for offer in offers}
    products = list(Product.objects.all())
    products.sort(key=lambda product: (product.pk not in sold, not product.is_verified, product.sort_name, product.pk))
    return [shown_offer(product, sold.get(product.pk)) for product in products]


# --- Processes -------------------------------------------------------------------------------------
def start_player(number, operations, environment):
    command = [sys.executable, "-m", "stores.tests.soak", "--player", str(number), "--operations", str(operations)]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def soak(operations):
    from dev.services import throwaway_services

    with throwaway_services() as started:
        environment = {**os.environ, **started.urls, "SECRET_KEY": "for tests only"}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=environment,
            check=True,
            timeout=120,
        )
        players = [start_player(number, operations // PLAYERS, environment) for number in range(PLAYERS)]
        return max(player.wait() for player in players)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--player", type=int)
    parser.add_argument("--operations", type=int, default=OPERATIONS)
    asked = parser.parse_args()
    if asked.player is None:
        return soak(asked.operations)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
    import django

    django.setup()
    player = Player(asked.player, os.getpid())
    player.play(asked.operations)
    print(f"player {asked.player}: {asked.operations} operations, {dict(player.counts)}", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
