"""The order table of an open page: when something has changed, only rows that may differ are written again.

A page carries in `data-seen` the newest event of its run, and a checksum of its frame and of all that its rows are made
of but the wishes. It sends that with the header `X-Bulq-Seen`, followed by the product ids of rows that it may not have
taken in because someone was typing there. While the checksum stays the same, only rows of products that events since
then name can differ. Everything else that may change, sums and people too, is always written.
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
    """What the page will carry, and the rows that differ from those of the asking page; None where any may."""

    stamp: str
    changed: list | None
    order: str = ""

    def rows(self, rows):
        return rows if self.changed is None else self.changed


def compare(request, table, rows):
    run, seen = table.board.run, SEEN.fullmatch(request.headers.get("X-Bulq-Seen", ""))
    frame = get_language(), str(run), run.group.name, request.user.name
    shape = f"{zlib.crc32(repr((frame, table.shape(rows))).encode()):08x}"
    if not seen or seen[2] != shape:
        return Refresh(f"{_newest(run.pk)[0][0]}.{shape}", None)
    events = _events_since(run.pk, int(seen[1]))
    changed = {product for _event, product in events} | {int(product) for product in seen[3].split()}
    return Refresh(
        f"{events[0][0] if events else seen[1]}.{shape}",
        [row for row in rows if row.product.pk in changed],
        " ".join(str(row.product.pk) for row in rows),
    )


@prepared
def _newest(run):
    return Event.objects.filter(run=run).order_by("-pk").values_list("pk")[:1]


@prepared
def _events_since(run, event):
    return Event.objects.filter(run=run, pk__gt=event).order_by("-pk").values_list("pk", "product_id")
