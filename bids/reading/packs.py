"""What would happen to each pack that is not full, as the leader decides it before locking the list (spec 80)."""

from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

from bids.allocation import divide

from .board import Board, Person, Row


@dataclass(frozen=True)
class Change:
    """What a person wants now, and what they would still get."""

    person: Person
    before: Decimal
    after: Decimal

    @property
    def is_less(self):
        return self.after < self.before


@dataclass
class OpenPack:
    """A product whose packs are not full, or of which less is wanted than the store sells at least.

    `keep` is what is bought if nothing changes, `over` what nobody has said is fine, `over_cost` its cost (None without
    a price). `down` is what one pack less holds (0 if there is only one), `lowered` what everyone then gets, and
    `opens_again` whether that still leaves a pack partly empty, because someone wants all or nothing.
    """

    row: Row
    keep: Decimal
    over: Decimal
    over_cost: Decimal | None
    down: Decimal
    packs_down: Decimal
    lowered: list = field(default_factory=list)
    opens_again: bool = False
    # Who said that more is fine, and up to how much.
    fine: list = field(default_factory=list)
    dropped: list = field(default_factory=list)

    @property
    def minimum(self):
        """The least that the store sells, if less is wanted."""
        offer = self.row.offer
        least = offer.min_quantity if offer else None
        return least if least and self.row.wanted < least else None

    def fingerprint(self):
        """Changes with everything that the choices are made from."""
        facts = (self.row.pack, self.minimum, [(change.person.pk, change.before) for change in self.dropped])
        terms = sorted(self.row.limits.items()), sorted(self.row.all_or_nothing)
        return sha256(repr((facts, terms)).encode()).hexdigest()[:16]


def open_packs(board: Board):
    """Of the products that someone wants, those to decide about, in the order of the table."""
    found = [_open_pack(board, row) for row in board.rows if row.wanted]
    return [pack for pack in found if pack.over or pack.minimum]


def _open_pack(board, row):
    packs, people = row.packs, board.by_participation
    wants = row.wants()
    pack = OpenPack(
        row=row,
        keep=packs.units,
        over=packs.missing,
        over_cost=row.estimate(packs.missing, board.run.currency),
        packs_down=packs.count - 1 if row.pack else Decimal(0),
        down=(packs.count - 1) * row.pack if row.pack else Decimal(0),
    )
    pack.fine = [(people[person], limit) for person, limit in row.limits.items()]
    pack.dropped = [Change(people[person], want.quantity, Decimal(0)) for person, want in wants.items()]
    if pack.over and pack.down:
        seed = f"{board.run.pk}:{row.product.pk}"
        shares = divide(pack.down, wants, grain=row.product.grain, tolerance_percent=0, seed=seed)
        pack.lowered = [
            Change(people[person], want.quantity, shares.quantities[person]) for person, want in wants.items()
        ]
        pack.opens_again = bool(shares.left_over)
    return pack
