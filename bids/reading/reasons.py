"""Why people received what they received of a line: too little came, a pack was filled, it was weighed, or by lot."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bids.allocation import matches, odd_shares

ZERO = Decimal(0)


class Reason(StrEnum):
    """Why someone's quantity is what it is."""

    AS_WANTED = "as wanted"
    FILLED = "filled"  # more came than all wanted, within what they said is fine
    SHORT = "short"
    MET_WHOLLY = "met wholly"  # too little came, and the order was all or nothing
    NOT_MET = "not met"
    WEIGHED = "weighed"
    LEFT_OVER = "left over"  # nobody took it


@dataclass(frozen=True, slots=True)
class Share:
    """What someone receives of a line, and what of it only because nobody took it."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    left_over: Decimal = ZERO


class Case:
    """How the people of a line came to their quantities."""

    def __init__(self, line, bids, shares):
        self.line, self.bids, self.shares = line, bids, shares
        self.wanted = sum((bid.quantity for bid in bids.values()), ZERO)
        self.most = sum((bid.most for bid in bids.values()), ZERO)
        bought = line.bought
        self.is_short = bought < self.wanted
        fits = matches(bought, self.wanted, self.most, tolerance_percent=line.tolerance)
        self.is_weighed = fits and not self.wanted <= bought <= self.most
        self.is_filled = not self.is_weighed and bought > self.wanted
        self.odd_pieces = self._odd_pieces() if line.is_bought else {}

    def reason_of(self, person):
        bid, share = self.bids.get(person), self.shares[person]
        if not self.line.is_bought:
            return Reason.AS_WANTED
        if self.is_weighed:
            return Reason.WEIGHED
        if share.left_over or bid is None or share.quantity > bid.most:
            return Reason.LEFT_OVER
        if self.is_short and bid.all_or_nothing:
            return Reason.MET_WHOLLY if share.quantity else Reason.NOT_MET
        if self.is_short and share.quantity < bid.quantity:
            return Reason.SHORT
        return Reason.FILLED if share.quantity > bid.quantity else Reason.AS_WANTED

    def _odd_pieces(self):
        """Where quantities were rounded: they are in proportion to other numbers in each case."""
        own = {person: self.shares[person].quantity - self.shares[person].left_over for person in self.bids}
        if not self.is_weighed:  # what is above it was left over too, in runs from before that was stored
            own = {person: min(quantity, self.bids[person].most) for person, quantity in own.items()}
        if self.is_weighed:
            weights = {person: bid.quantity if self.is_short else bid.most for person, bid in self.bids.items()}
        elif self.is_short:
            weights = {person: bid.quantity for person, bid in self.bids.items() if not bid.all_or_nothing}
        elif self.is_filled and self.line.bought < self.most:
            weights = {person: bid.most - bid.quantity for person, bid in self.bids.items() if bid.limit}
            own = {person: own[person] - self.bids[person].quantity for person in weights}
        else:
            return {}
        shares = {person: own[person] for person in weights}
        return odd_shares(weights, shares, grain=self.line.product.grain) if any(shares.values()) else {}
