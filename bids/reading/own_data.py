"""Everything held about a person, for them to download as JSON, version 3.

`person`: the account. `groups`: memberships. `runs`: each run they take part in, with what they owe and have paid.
Then a list for each kind of row that names them: `how_to_pay` (their account number), `orders` (wishes, and what was
received of each), `prices_logged`, `reference_prices`, `purchases`, `not_there` (lines they marked), `extra_costs`,
`extra_cost_shares` (what they pay of those split in one way), `receipts`, `handed_out`, `payments_marked`, `payments`
(with `payment_parts`, the debts they cover, and `journal`, what was said and answered), `lead_offers`,
`products_added`, `stores_added`, `events` (the history of their runs, where they act or are named), `notifications`,
`reminders`, `products_told_apart` and `stores_told_apart` (pairs that looked the same), `catalogues_brought` (in the
last week), and `site_admin` (what they did in the site admin). Amounts and quantities are strings of plain decimals,
times are ISO 8601 with the offset from UTC.

Left out are passwords, sessions, second factors and the answers to forms of the last day: secrets, or copies.
"""

from django.contrib.admin.models import LogEntry
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts.models import HowToPay
from bids.models.bidding import Bid
from bids.models.closing import Reminder
from bids.models.distribution import Allocation, ExtraCost, ExtraShare, Receipt
from bids.models.events import Event
from bids.models.notifications import Notification
from bids.models.payments import JournalEntry, Payment, PaymentPart
from bids.models.runs import Participation, Run
from bids.models.shopping import Purchase, ShoppingItem
from stores.models import CatalogueImport, Price, Product, ProductPair, ReferencePrice, Store, StorePair

from .sums import with_owed

VERSION = 3
RUN, PRODUCT = F("item__run_id"), F("item__product__name")
TOLD_APART = ("told_apart_by",), ("first__name", "second__name", "told_apart_at"), {}
# Of each kind of row: by which columns it names a person, and what is written of it.
LISTS = {
    "how_to_pay": (HowToPay, ("user",), ("text", "account", "bic"), {}),
    "orders": (
        Bid,
        ("participation__user",),
        ("product__name", "product__brand", "quantity", "limit", "all_or_nothing", "comment", "created_at"),
        {
            "instead": Coalesce("substitute__name", "substitute_text"),
            "run": F("participation__run_id"),
            "received": F("allocation__quantity"),
            "cost": F("allocation__cost"),
            "picked_up_at": F("allocation__picked_up_at"),
        },
    ),
    "prices_logged": (
        Price,
        ("seen_by",),
        ("amount", "quantity", "min_quantity", "note", "seen_at", "withdrawn_at"),
        {"product": F("offer__product__name"), "store": F("offer__store__name")},
    ),
    "reference_prices": (
        ReferencePrice,
        ("entered_by",),
        ("product__name", "currency", "amount", "quantity", "shop", "seen_on", "entered_at"),
        {},
    ),
    "purchases": (Purchase, ("bought_by",), ("quantity", "total", "bought_at"), {"run": RUN, "product": PRODUCT}),
    "not_there": (ShoppingItem, ("not_there_by",), ("run_id", "product__name", "not_there_at"), {}),
    "extra_costs": (
        ExtraCost,
        ("added_by", "person__user"),
        ("run_id", "label", "amount", "how", "added_at"),
        {"by": F("added_by__name"), "for": F("person__user__name")},
    ),
    "extra_cost_shares": (
        ExtraShare,
        ("participation__user",),
        ("how", "amount"),
        {"run": F("participation__run_id")},
    ),
    "receipts": (Receipt, ("added_by",), ("run_id", "label", "amount", "added_at"), {}),
    "handed_out": (
        Allocation,
        ("picked_up_by",),
        ("quantity", "picked_up_at"),
        {"run": RUN, "product": PRODUCT, "to": F("bid__participation__user__name")},
    ),
    "payments_marked": (
        Participation,
        ("paid_marked_by",),
        ("run_id", "paid_amount", "paid_at"),
        {"of": F("user__name")},
    ),
    "payments": (
        Payment,
        ("sender", "receiver", "created_by"),
        ("id", "amount", "said_amount", "day", "note", "state", "is_mark", "created_at"),
        {
            "in_group": F("group__name"),
            "currency": F("group__currency"),
            "from": F("sender__name"),
            "to": F("receiver__name"),
        },
    ),
    "payment_parts": (
        PaymentPart,
        ("participation__user", "participation__run__payer"),
        ("payment_id", "amount"),
        {"run": F("participation__run_id"), "of": F("participation__user__name")},
    ),
    "journal": (
        JournalEntry,
        ("actor", "subject"),
        ("payment_id", "kind", "amount", "note", "at"),
        {"in_group": F("group__name"), "by": F("actor__name"), "to": F("subject__name")},
    ),
    "lead_offers": (
        Run,
        ("lead_offered_to", "lead_offered_by"),
        ("id",),
        {"to": F("lead_offered_to__name"), "by": F("lead_offered_by__name")},
    ),
    "products_added": (Product, ("created_by",), ("name", "brand", "created_at"), {}),
    "stores_added": (Store, ("created_by",), ("name", "chain", "address", "created_at"), {}),
    "events": (
        Event,
        ("actor", "subject"),
        ("run_id", "kind", "data", "at"),
        {"by": F("actor__name"), "to": F("subject__name"), "about": F("product__name")},
    ),
    "notifications": (
        Notification,
        ("user", "actor"),
        ("at", "read_at", "mailed_at"),
        {
            "to": F("user__name"),
            "kind": Coalesce("event__kind", "entry__kind"),
            "run": F("event__run_id"),
            "removed_from": F("group__name"),
        },
    ),
    "reminders": (Reminder, ("user",), ("run_id", "kind", "at", "sent_at"), {}),
    "products_told_apart": (ProductPair, *TOLD_APART),
    "stores_told_apart": (StorePair, *TOLD_APART),
    "catalogues_brought": (
        CatalogueImport,
        ("by",),
        ("file__name", "store__name", "is_rehearsal", "state", "counts", "asked_at"),
        {},
    ),
    "site_admin": (LogEntry, ("user",), ("action_time", "object_repr", "change_message"), {}),
}
# Rows with a list of their own above these, and columns that a run itself is written with.
ELSEWHERE = {"Membership.user", "Group.members", "Participation.user", "Run.leader", "Run.payer"}
LEFT_OUT = {
    "SentForm.user": "the answer to a form of the last day, which the page showed",
    "User_groups.user": "rights of site admins",
    "User_user_permissions.user": "rights of site admins",
    "CatalogueFile.by": "a file that the person has sent, kept for a week at most, and the report of it",
    "TOTPDevice.user": "a secret",
    "StaticDevice.user": "secrets",
}


def everything_about(user):
    """All data held about a person, as plain values."""
    parts = with_owed(Participation.objects.filter(user=user)).select_related("run__store", "run__group")
    return {
        "version": VERSION,
        "person": {
            "username": user.username,
            "name": user.name,
            "email": user.email,
            "notifications_by_mail": user.wants_mail,
            "reminders": user.wants_reminders,
            "theme": user.theme,
            "language": user.language,
            "site_admin": user.is_staff,
            "joined_at": user.joined_at,
            "last_login": user.last_login,
        },
        "groups": list(user.memberships.order_by("pk").values("group__name", "is_admin", "joined_at")),
        "runs": [_run_data(part, user) for part in parts.order_by("run_id")],
    } | {name: _rows_of(user, *kind) for name, kind in LISTS.items()}


def _rows_of(user, model, named_in, columns, others):
    mine = Q(*((column, user) for column in named_in), _connector=Q.OR)
    return list(model.objects.filter(mine).order_by("pk").values(*columns, **others))


def _run_data(part, user):
    return {
        "run": part.run_id,
        "group": part.run.group.name,
        "store": part.run.store.name,
        "day": part.run.day,
        "note": part.run.note,
        "state": part.run.state,
        "led": part.run.leader_id == user.pk,
        "paid_the_shop": part.run.payer_id == user.pk,
        "helped": part.is_helper,
        "done_choosing": part.is_ready,
        "joined_at": part.joined_at,
        "left_at": part.left_at,
        "currency": part.run.currency,
        "total": part.total,
        "extra_costs": part.extra_share,
        "paid": part.paid_amount,
        "paid_at": part.paid_at,
    }
