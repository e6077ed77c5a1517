"""Who may come in at which address, and with which methods: the table that test_access_matrix walks."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from django.urls import get_resolver
from django.urls.resolvers import RegexPattern, URLPattern

PUBLIC, PERSON, ALICES = "public", "anyone logged in", "what is Alice's own"
GROUP, ADMIN = "members of the group", "its admin"
COMPANIONS, PAIR = "who is or was in the group", "the two of a payment"
RUN, TAKING_PART, SHOPPING, LEADING = "the run: the group", "who takes part", "leader and helpers", "the leader"
ALL, MISSING = "GET POST PUT DELETE", 10**9
# Who may come in, the allowed methods, and the addresses by name, or by route.
TABLE = {
    (PUBLIC, "GET"): "health-live health-ready health-backup live calendar password_reset_done password_reset_complete",
    (PUBLIC, "POST"): "logout language",
    (PUBLIC, "GET POST"): "register join mail-off reminders-off login password_reset password_reset_confirm "
    "admin/login/",
    (PERSON, "GET"): "home me me-data inbox groups settings products product product-prices product-similar stores "
    "store store-similar store-names search search-suggestions sharing money payments statement-csv statement-json",
    (PERSON, "POST"): "inbox-read logout-everywhere settings-profile settings-pay settings-password "
    "settings-theme settings-language settings-reminders settings-calendar price-withdraw price-restore",
    (
        PERSON,
        "GET POST",
    ): "close-account group-new invite-link product-new product-edit offer-new offer-edit price-new "
    "product-elsewhere store-new store-edit",
    (ALICES, "POST"): "inbox-open order-undo run-again-undo",
    (GROUP, "GET"): "group people group-money group-statement-csv group-statement-json",
    (COMPANIONS, "GET"): "money-with",
    (COMPANIONS, "POST"): "money-paid money-marked money-remind",
    (PAIR, "POST"): "payment-confirm payment-not-arrived payment-undo payment-take-back",
    (GROUP, "GET POST"): "group-leave run-new",
    (ADMIN, "POST"): "member-role invite-renew invite-joining",
    (ADMIN, "GET POST"): "member-remove group-settings group-archive",
    (RUN, "GET"): "run run-more run-history run-add run-shop run-hand-out run-costs run-estimate",
    (RUN, "POST"): "run-order run-ready run-lead run-lead-withdraw run-lead-answer sort-out sort-out-of run-paid "
    "run-again",
    (RUN, "GET POST"): "run-leave run-product",
    (TAKING_PART, "GET"): "run-print run-csv run-json",
    (SHOPPING, "POST"): "item-not-there item-instead purchase-undo run-pick-up extra-add extra-remove receipt-add "
    "receipt-remove",
    (SHOPPING, "GET POST"): "shop-add item-buy item-price purchase-edit",
    (LEADING, "POST"): "run-remind run-start-shopping run-stop-shopping run-helper run-start-hand-out run-reopen "
    "run-back-to-shop run-packs-undo run-last-stretch run-drop-list run-difference "
    "run-difference-back",
    (LEADING, "GET POST"): "run-edit run-closing run-unlock run-lock run-packs run-call-off shop-finish run-force "
    "run-complete total-correct",
    # Everyone may change their own line, only the leader those of others.
    ("their own, or the leader", "GET POST"): "run-product-of",
}
RULES = {name: (who, methods.split()) for (who, methods), names in TABLE.items() for name in names.split()}
OUTSIDERS = ("charlie", "former", "root")
MEMBERS = ("dora", "eve", "bob", "alice")
# Which members are let in where not all are.
LET_IN = {
    ALICES: {"alice"},
    PAIR: {"alice", "bob"},
    COMPANIONS: {"former", *MEMBERS},
    ADMIN: {"alice"},
    LEADING: {"alice"},
    SHOPPING: {"alice", "bob"},
    TAKING_PART: {"alice", "bob", "eve"},
    "their own, or the leader": {"alice", "eve"},
}
# The catalogue belongs to all groups: its ids exist or are missing, but are never foreign.
SHARED = {"product_id", "store_id", "offer_id", "price_id"}
IN_THE_RUN = {"run-product-of", "sort-out-of", "run-paid"}


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    in_admin: bool

    @property
    def parameters(self):
        return re.findall(r"<(?:\w+:)?(\w+)>", self.route)

    def url(self, values):
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: quote(str(values[found[1]])), self.route)


def walk(patterns=None, before="", in_admin=False):
    """Every address of the site, however deeply included."""
    for item in get_resolver().url_patterns if patterns is None else patterns:
        route = str(item.pattern)
        if isinstance(item.pattern, RegexPattern):
            route = re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", route).strip("^$")
        if isinstance(item, URLPattern):
            yield Address(item.name or before + route, before + route, in_admin)
        else:
            yield from walk(item.url_patterns, before + route, in_admin or item.app_name == "admin")


SITE = [address for address in walk() if not address.in_admin]
OF_ADMIN = [address for address in walk() if address.in_admin and address.name != "login"]
WITHIN = [address for address in SITE if RULES.get(address.name, ("",))[0] not in (PUBLIC, PERSON, "")]
