"""An example of every page, made from the demo's data: who opens it, and under which address."""

from datetime import timedelta

from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone

from accounts.access import MAIL_OFF, REMINDERS_OFF
from accounts.actions.people import renew_calendar
from accounts.models import Group, User
from bids import states
from bids.models import Bid, Participation, Purchase, Run, ShoppingItem
from stores.models import Offer, Product, Store

# Requested by a script while someone types; the page around them is a sample.
PARTS = {"product-similar", "store-similar", "store-names", "search-suggestions"}
FILES = {"me-data", "run-csv", "run-json", "health-live", "health-ready", "health-backup", "live", "calendar"}
FILES |= {"statement-csv", "statement-json", "group-statement-csv", "group-statement-json"}
# Parameters for addresses that only take forms, to see that they refuse to be opened.
ANYTHING = {"int": 1, "slug": "x", "str": "x"}


def addresses(patterns=None):
    """Name and parameters of every address outside the Django admin."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield pattern.name, pattern.pattern.converters
        elif getattr(pattern, "app_name", None) != "admin":
            for name, converters in addresses(pattern.url_patterns):
                yield name, {**pattern.pattern.converters, **converters}


def anything(converters):
    kinds = {"IntConverter": "int", "SlugConverter": "slug"}
    return {name: ANYTHING[kinds.get(type(converter).__name__, "str")] for name, converter in converters.items()}


class Samples:
    def __init__(self):
        self.pages = []
        self.names = set()
        self._outside()
        self._people_and_stores()
        self._runs()

    def add(self, who, name, *args, query=""):
        self.names.add(name)
        self.pages.append((who, reverse(name, args=args) + query))

    def _outside(self):
        group = Group.objects.get(name="Thursday Club")
        for name in (
            "login", "register", "password_reset", "password_reset_done", "password_reset_complete",
        ):  # fmt: skip
            self.add(None, name)
        self.add(None, "password_reset_confirm", "x", "set-password")
        self.add(None, "join", group.join_token)
        self.add("dragan", "join", group.join_token)
        self.add(None, "join", "gone")
        mara = User.objects.get(username="mara").pk
        self.add(None, "mail-off", MAIL_OFF.sign(mara))
        self.add(None, "reminders-off", REMINDERS_OFF.sign(mara))

    def _people_and_stores(self):
        group = Group.objects.get(name="Thursday Club")
        jon = User.objects.get(username="jon")
        for name in (
            "home",
            "groups",
            "group-new",
            "invite-link",
            "me",
            "money",
            "payments",
            "settings",
            "close-account",
            "products",
            "stores",
            "search",
            "sharing",
        ):
            self.add("mara", name)
        for query in ("?q=rice", "?q=arborio", "?q=h", "?q=zzzz", "?q=9004567012347", "?q=9004567012346"):
            self.add("mara", "search", query=query)
        for name in ("group", "group-money", "people", "group-settings", "group-leave", "group-archive", "run-new"):
            self.add("mara", name, group.pk)
        self.add("mara", "member-remove", group.pk, jon.pk)
        self.add("jon", "people", group.pk)
        self.add("jon", "inbox")  # with something unread
        self.add("admin", "inbox")  # empty
        self.add("mara", "money-with", group.pk, jon.pk)
        self.add("dragan", "home")
        for username in ("jon", "admin"):  # who owes, and with nothing
            self.add(username, "money")
        self.add("admin", "home")
        self.add("admin", "groups")
        offer = Offer.objects.select_related("product", "store").order_by("pk").first()
        for name in ("product-new", "store-new"):
            self.add("mara", name)
        for name in ("product", "product-prices", "product-elsewhere", "offer-new"):
            self.add("mara", name, offer.product.pk)
        mara = User.objects.get(username="mara")
        own = Product.objects.create(name="Kefir", unit="bottle", kind="counted", step=1, created_by=mara)
        market = Store.objects.create(name="Market", currency="EUR", created_by=mara)
        self.add("mara", "product-edit", own.pk)
        self.add("mara", "product", own.pk)
        self.add("mara", "store-edit", market.pk)
        self.add("mara", "store", offer.store.pk)
        self.add("mara", "offer-edit", offer.pk)
        self.add("mara", "price-new", offer.pk)
        self.pages += [("mara", "/products/?q=oil"), ("mara", "/nowhere/"), (None, "/nowhere/")]

    def _runs(self):
        for run in Run.objects.select_related("leader").order_by("pk"):
            self.add(run.leader.username, "run", run.pk)
        by_state = {run.state: run for run in Run.objects.select_related("leader").order_by("pk")}
        collecting, locked, shop = by_state[states.ACTIVE], by_state[states.CONFIRMED], by_state[states.SHOPPING]
        sorting, handing = by_state[states.ADJUSTING], by_state[states.DISTRIBUTING]
        self._closing(collecting, locked)
        for run, names in (
            (
                collecting,
                (
                    "run-more",
                    "run-history",
                    "run-edit",
                    "run-closing",
                    "run-lock",
                    "run-call-off",
                    "run-add",
                    "run-packs",
                    "run-estimate",
                ),
            ),
            (locked, ("run-print", "run-unlock")),
            (shop, ("run-shop", "shop-add", "shop-finish", "run-costs")),
            (sorting, ("run-force", "run-call-off", "run-costs")),
            (handing, ("run-hand-out", "run-complete", "run-costs", "run-print")),
        ):
            for name in names:
                self.add(run.leader.username, name, run.pk)
        past = collecting.group.runs.ended().first()
        self.add(collecting.leader.username, "run-new", collecting.group_id, query=f"?again={past.pk}")
        self._details(collecting, shop, handing)
        for run in (collecting, locked, shop, sorting, handing, by_state[states.CANCELLED]):
            self.add(self._member(run), "run", run.pk)
        self.add(handing.leader.username, "run-hand-out", handing.pk, query="?by=product")

    def _closing(self, soon, passed):
        """One run closes in two hours, another did an hour ago; and someone has a calendar."""
        now = timezone.now()
        for run, closes_at in ((soon, now + timedelta(hours=2)), (passed, now - timedelta(hours=1))):
            times = {"closes_at": closes_at, "reminders_about": closes_at, "closing_set_at": now - timedelta(days=9)}
            Run.objects.filter(pk=run.pk).update(**times)
        Run.objects.filter(pk=soon.pk).update(last_stretch_at=now)
        renew_calendar(by=User.objects.get(username="jon"))
        self.add("jon", "settings")

    def _details(self, collecting, shop, handing):
        leader = collecting.leader.username
        member = self._member(collecting)
        product = Bid.objects.of_run(collecting).order_by("pk").first().product_id
        someone = Participation.objects.filter(run=collecting).exclude(user=collecting.leader).first()
        self.add(leader, "run-product", collecting.pk, product)
        self.add(leader, "run-product-of", collecting.pk, product, someone.user_id)
        self.add(member, "run-leave", collecting.pk)
        self.pages.append((leader, f"{reverse('run', args=[collecting.pk])}?show=mine"))
        shopper = shop.leader.username
        item = ShoppingItem.objects.filter(run=shop, purchases=None).first()
        bought = Purchase.objects.filter(item__run=shop).first()
        self.add(shopper, "item-buy", shop.pk, item.pk)
        self.add(shopper, "item-price", shop.pk, item.pk)
        self.add(shopper, "purchase-edit", shop.pk, bought.pk)
        self.add(shopper, "shop-add", shop.pk, query=f"?product={item.product_id}")
        paid = Purchase.objects.filter(item__run=handing).first()
        self.add(handing.leader.username, "total-correct", handing.pk, paid.pk)

    @staticmethod
    def _member(run):
        return Participation.objects.filter(run=run).exclude(user=run.leader).order_by("pk").first().user.username
