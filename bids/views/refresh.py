"""The order table of an open page: when something has changed, only lines that may differ are written again.

A page carries in `data-seen` the newest event of its run, and a checksum of its frame and of all that its rows are made
of but the wishes. It sends that with the header `X-Bulq-Seen`, followed by the product ids of rows that it may not have
taken in because someone was typing there. While the checksum stays the same, only rows of products, and in the list of
people only lines of people, that events since then name can differ. Everything else that may change is always written.
"""

import re
import zlib
from dataclasses import dataclass

from django.utils.translation import get_language

from bids.models import Event
from bulq.kit.prepared import prepared

SEEN = re.compile(r"([0-9]{1,18})\.([0-9a-f]{8})((?: [0-9]{1,18})*)")


@dataclass
class Refresh:
    """What the page will carry, and the products and users whose lines differ there; None where any may."""

    stamp: str = ""
    products: set | None = None
    users: set | None = None
    # The ids of all lines, in the order in which the page shows them.
    rows_order: str = ""
    people_order: str = ""

    @property
    def is_partial(self):
        return self.products is not None

    def rows(self, rows):
        return [row for row in rows if row.product.pk in self.products] if self.is_partial else rows

    def people(self, people):
        return people if self.users is None else [person for person in people if person.user.pk in self.users]


def after_own_order(table, user):
    """The answer to an order: of the list of people, only the reader's own line may differ."""
    return Refresh(users={user.pk}, people_order=_ids_of(table.board.people))


def compare(request, table, rows):
    run, seen = table.board.run, SEEN.fullmatch(request.headers.get("X-Bulq-Seen", ""))
    frame = get_language(), str(run), run.group.name, request.user.name
    shape = f"{zlib.crc32(repr((frame, table.shape())).encode()):08x}"
    if not seen or seen[2] != shape:
        return Refresh(f"{_newest(run.pk)[0][0]}.{shape}")
    events = _events_since(run.pk, int(seen[1]))
    return Refresh(
        stamp=f"{events[0].pk if events else seen[1]}.{shape}",
        products={event.product_id for event in events} | {int(product) for product in seen[3].split()},
        users={user for event in events for user in (event.actor_id, event.subject_id)},
        rows_order=" ".join(f"p{row.product.pk}" for row in rows),
        people_order=_ids_of(table.board.people),
    )


def _ids_of(people):
    return " ".join(f"u{person.user.pk}" for person in people)


@prepared
def _newest(run):
    return Event.objects.filter(run=run).order_by("-pk").values_list("pk")[:1]


@prepared
def _events_since(run, event):
    return (
        Event.objects.filter(run=run, pk__gt=event)
        .order_by("-pk")
        .values_list("pk", "product_id", "actor_id", "subject_id", named=True)
    )
