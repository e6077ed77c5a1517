"""Writes the demo data. The same every time: its chances come from a fixed seed."""

import random
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.actions.groups import create_group
from accounts.actions.people import set_how_to_pay
from accounts.models import Membership, User
from bids.actions import bidding, costs, distribution, payments, receipts, runs, shopping
from bids.models import Allocation, Bid, Notification, Run
from bids.reading.basket import Basket
from bids.reading.division import Division
from bids.reading.lines import lines_of
from bids.reading.money import nets_of
from bids.reading.receipts import comparison_of
from bids.reading.sums import owed_by_person
from stores.actions.pairs import look_for_pairs
from stores.models import Offer, Price, Product, ProductAlias, ReferencePrice, Store, guess_category

from .catalogue import ALIASES, BARCODES, GROUPS, HOW_TO_PAY, LINES, PEOPLE, STORES

CENT = Decimal("0.01")
DAYS_OF_PRICES = range(360, 0, -24)
DIVISIBLE = {"kg", "g", "L", "ml"}


class Demo:
    def __init__(self, password):
        self.chance = random.Random(14)  # noqa: S311 - figures for a demo
        self.password = password
        self.today = timezone.localdate()

    def write(self):
        self.people = self._people()
        for username, (account, text) in HOW_TO_PAY.items():
            set_how_to_pay(by=self.people[username], text=text, account=account, bic="")
        self.stores = [
            Store.objects.create(name=name, chain=chain, address=address, currency="EUR", is_verified=True)
            for name, chain, address in STORES
        ]
        self._catalogue()
        self.groups = [self._group(name, names.split()) for name, names in GROUPS]
        for n, (group, stages) in enumerate(zip(self.groups, self._stages(), strict=True)):
            for days, stage in stages:
                stage(self._run(group, self.stores[(n + days) % 2 if n < 2 else 2], days))
        ended = Notification.objects.filter(event__run__in=Run.objects.ended())
        ended.update(read_at=timezone.now())
        self._added_twice()

    def _people(self):
        password = make_password(self.password)  # once: to hash it is slow on purpose
        User.objects.create(username="admin", name="Admin", password=password, is_staff=True, is_superuser=True)
        return {
            username: User.objects.create(username=username, name=name, password=password)
            for username, name in PEOPLE.items()
        }

    def _group(self, name, usernames):
        members = [self.people[username] for username in usernames]
        group = create_group(name=name, currency="EUR", by=members[0])
        Membership.objects.bulk_create(Membership(group=group, user=user) for user in members[1:])
        return group

    # --- Catalogue ---------------------------------------------------------------------------------
    def _catalogue(self):
        seers, sold, prices = list(self.people.values()), [], []
        for line in LINES.strip().splitlines():
            name, brand, unit, step, *offers = line.split("|")
            product = Product.objects.create(
                name=name, brand=brand, unit=unit, step=Decimal(step), is_unit_fixed=True, is_verified=True,
                kind=Product.Kind.DIVISIBLE if unit in DIVISIBLE else Product.Kind.COUNTED,
                category_id=guess_category(name), barcode=BARCODES.get(name),
            )  # fmt: skip
            for alias in ALIASES.get(name, ()):
                ProductAlias.objects.create(product=product, name=alias)
            for store, text in zip(self.stores, offers, strict=True):
                if text != "-":
                    pack, price = (Decimal(part) for part in text.split("@"))
                    sold.append(Offer(product=product, store=store, pack_size=pack or None))
                    prices += self._prices(sold[-1], price, seers)
        Offer.objects.bulk_create(sold)
        Price.objects.bulk_create(prices)
        Store.objects.update(is_currency_fixed=True)
        self._reference_prices(sold)

    def _reference_prices(self, offers):
        """What every fourth product costs in the shop at the corner: a little more, and once less."""
        offers = list({offer.product: offer for offer in offers}.values())[::4]
        prices = {offer.product: offer.prices.latest("pk") for offer in offers}
        ReferencePrice.objects.bulk_create(
            ReferencePrice(
                product=product, currency="EUR", shop="Kaufhof Süd", quantity=1,
                amount=(price.amount / price.quantity * (Decimal("1.3") if n else Decimal("0.9"))).quantize(CENT),
                seen_on=self.today - timedelta(days=25), entered_by=price.seen_by,
            )
            for n, (product, price) in enumerate(prices.items())
        )  # fmt: skip

    def _added_twice(self):
        """Someone did not see that it was there: a pair for the site admin."""
        known = Product.objects.get(name="Dark chocolate")
        Product.objects.create(
            name="Dark choclate", brand=known.brand, unit=known.unit, kind=known.kind, step=1,
            category=known.category, created_by=self.people["jon"],
        )  # fmt: skip
        look_for_pairs()

    def _prices(self, offer, price, seers):
        return [
            Price(
                offer=offer,
                amount=(price * Decimal(self.chance.randint(88, 112)) / 100).quantize(CENT, ROUND_HALF_UP)
                if days > DAYS_OF_PRICES[-1]
                else price,
                quantity=offer.pack_size or 1,
                seen_at=timezone.now() - timedelta(days=days, hours=self.chance.randint(0, 9)),
                seen_by=self.chance.choice(seers),
            )
            for days in DAYS_OF_PRICES
        ]

    # --- Runs --------------------------------------------------------------------------------------
    def _stages(self):
        return (
            [(-40, self._settled), (-12, self._handed_out), (-2, self._handing_out), (5, self._choosing)],
            [(-30, self._called_off), (-1, self._sorting_out), (2, self._locked), (9, self._planned)],
            [(-20, self._settled), (0, self._shopping), (6, self._choosing)],
        )

    def _run(self, group, store, days):
        leader = group.memberships.get(is_admin=True).user
        note = "Leaving 9:30. Bring cool bags for the cheese." if days >= 0 else ""
        return runs.start_run(group, store=store, by=leader, day=self.today + timedelta(days=days), note=note)

    def _choose(self, run, people):
        offered = list(Product.objects.filter(offers__store=run.store).order_by("pk"))
        shared = self.chance.sample(offered, 12)
        for user in people:
            wishes = [
                bidding.Wish(product.pk, product.step * self.chance.randint(1, 4), comment="")
                for product in self.chance.sample(shared, self.chance.randint(5, 9))
            ]
            wishes[0].comment = self.chance.choice(["whole beans please, not ground", "the mild one", "I bring a box"])
            wishes[-1].quantity = None
            bidding.place_bids(run, wishes, by=user)

    def _planned(self, run):
        self._choose(run, [run.leader])

    def _collecting(self, run):
        members = [member.user for member in run.group.memberships.select_related("user").order_by("pk")]
        self._choose(run, members)
        for user in members[1::2]:
            bidding.set_ready(run, True, by=user)

    def _choosing(self, run):
        """Some say up to how much is fine, and some want all or nothing."""
        self._collecting(run)
        bids = list(Bid.objects.of_run(run).real().select_related("product").order_by("pk"))
        for bid in bids[::3]:
            bid.limit = bid.quantity + 2 * bid.product.step
        for bid in bids[1::7]:
            bid.all_or_nothing = True
        Bid.objects.bulk_update(bids, ["limit", "all_or_nothing"])

    def _locked(self, run):
        self._collecting(run)
        runs.lock_list(run, by=run.leader)

    def _called_off(self, run):
        self._collecting(run)
        runs.call_off(run, by=run.leader)

    def _shopping(self, run, share=Decimal("0.5")):
        self._locked(run)
        runs.start_shopping(run, by=run.leader)
        lines = Basket(run).lines
        for line in lines[: int(len(lines) * share)]:
            self._buy(run, line, line.wanted)

    def _buy(self, run, line, quantity):
        price = line.offer.current_amount * quantity / line.offer.current_quantity
        total = price.quantize(CENT, ROUND_HALF_UP)
        shopping.buy(line.item, quantity=quantity, total=total, seen=line.item.version, by=run.leader)

    def _sorting_out(self, run):
        self._locked(run)
        runs.start_shopping(run, by=run.leader)
        lines = Basket(run).lines
        shopping.set_not_there(lines[0].item, True, by=run.leader)
        changes = {1: -1, 2: 1}
        for n, line in enumerate(lines[1:], 1):
            self._buy(run, line, line.wanted + changes.get(n, 0) * line.product.step)
        costs.add_extra_cost(run, label="Deposit", amount=Decimal("3.30"), by=run.leader)
        # The receipts say a little more.
        rest = comparison_of(run).total + Decimal("0.49")
        for label, amount in (("Till 4", rest - Decimal("48.22")), ("Cheese counter", Decimal("48.22"))):
            receipts.add_receipt(run, amount=amount, label=label, by=run.leader)
        shopping.finish_shopping(run, payer=run.leader, open_lines=0, by=run.leader)

    def _handing_out(self, run):
        self._sorting_out(run)
        run.refresh_from_db()
        receipts.split_difference(run, seen=comparison_of(run).version, by=run.leader)
        distribution.force_hand_out(run, seen=Division(run, lines_of(run)).fingerprint(), by=run.leader)
        allocations = list(Allocation.objects.filter(item__run=run).order_by("pk"))
        distribution.set_picked_up(run, allocations[::2], True, by=run.leader)

    def _all_collected(self, run):
        self._handing_out(run)
        allocations = Allocation.objects.filter(item__run=run)
        distribution.set_picked_up(run, allocations, True, by=run.leader)
        distribution.complete(run, waiting=0, by=run.leader)

    def _handed_out(self, run):
        """Two have paid, one says so."""
        self._all_collected(run)
        self._pay(run, 2)
        net = next(net for net in nets_of(run.leader) if net.group == run.group and net.gets)
        payments.say_paid(run.group, run.leader, net.gets, owed=net.gets, note="By bank", by=net.person)

    def _settled(self, run):
        self._all_collected(run)
        self._pay(run, None)

    def _pay(self, run, count):
        owed = owed_by_person(run)
        people = run.participations.exclude(user=run.leader).filter(paid_amount=None).select_related("user")
        for person in list(people.order_by("pk"))[:count]:
            if owed[person.pk]:
                costs.set_paid(run, person.user, True, owed=owed[person.pk], by=run.leader)
