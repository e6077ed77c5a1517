"""The rows of the order table, as the texts that its templates write: a page may have 1,200 cells."""

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from bulq.kit.bars import pack_bar
from bulq.kit.money import format_money, format_quantity, format_unit_price
from bulq.kit.names import initials
from bulq.kit.rows import address_of, joined, write

MOST_COLUMNS = 8
NOTHING = Decimal(0)


def plain(number):
    """A number as it stands in an input: decimal text, empty for none."""
    return "" if number is None else f"{number.normalize():f}"


def new_product_query(request, run, back=None):
    """For the form that makes a new product: the run's store and the name looked for; leads back with the product."""
    back = back or request.get_full_path()
    return urlencode({"next": back, "store": run.store_id, "name": request.GET.get("q", "")})


def others_of(board, user):
    return [person for person in board.people if person.user.pk != user.pk]


def has_columns(board, user):
    """Whether each other person gets a column."""
    return len(others_of(board, user)) <= MOST_COLUMNS


@dataclass
class TableRow:
    """A product in the order table of one reader (templates/bids/_row.html)."""

    pk: str
    url: str
    name: str
    unit: str
    facts: str
    price: str
    comments: str
    cells: str
    others: str
    packs: str
    # The reader's own amount: as stored, as the input shows it (perhaps refused), and as text.
    was: str
    amount: str
    mine: str
    step: str
    error: str
    is_maybe: bool


@dataclass
class Wish:
    """What one person wants of a product; `label` is their name here."""

    label: str
    amount: str


@dataclass
class Comment:
    text: str


class OrderTable:
    """What the table shows `user` of a board; `typed` and `errors` by product id are what a refused form brought."""

    def __init__(self, board, user, *, typed=None, errors=None, columns=None, editable=True):
        self.board, self.typed, self.errors = board, typed or {}, errors or {}
        self.others = [(person.pk, person.label) for person in others_of(board, user)]
        self.columns = has_columns(board, user) if columns is None else columns
        self.editable = editable
        me = board.person_of(user)
        self.my_id = me.pk if me else None
        self._amounts, self._written = {}, {}
        self._address = address_of("run-product", board.run.pk)

    def html(self, rows):
        return write("bids/_row.html", map(self.row, rows), editable=self.editable)

    def shape(self):
        """All that the rows and the list of people are made of, but the wishes and what events tell of people."""
        names = [(person, known.label, known.user.name) for person, known in self.board.by_participation.items()]
        return self.my_id, self.others, self.columns, self.editable, names, list(map(_catalogue, self.board.rows))

    def mine(self, row):
        """How much of it the reader wants; nothing for “Maybe”."""
        return row.wishes.get(self.my_id) or NOTHING

    def is_mine(self, row):
        return self.my_id in row.wishes

    def mistakes(self, rows):
        """The summary of what was refused, for the head of the page."""
        wrong = [(row.product, " ".join(self.errors[row.product.pk])) for row in rows if row.product.pk in self.errors]
        return [(f"{product.name}: {error}", f"q-{product.pk}") for product, error in wrong]

    def row(self, row):
        product, mine = row.product, self.mine(row)
        stored = plain(mine or None)
        return TableRow(
            pk=str(product.pk),
            url=self._address(product.pk),
            name=product.name,
            unit=product.unit,
            facts=facts_of(row),
            price=_unit_price(row, self.board.run.currency),
            comments=self._comments(row),
            cells=self._cells(row) if self.columns else "",
            others=self._others(row),
            packs=pack_bar(mine, row.wanted - mine, row.pack, product.unit),
            was=stored,
            amount=self.typed.get(product.pk, stored),
            mine=self._amount(mine) if mine else "",
            step=plain(product.step),
            error=" ".join(self.errors.get(product.pk, [])),
            is_maybe=self.is_mine(row) and row.wishes[self.my_id] is None,
        )

    def _comments(self, row):
        names = self.board.by_participation
        texts = [f"{names[person].label}: {text}" for person, text in row.comments.items()]
        return write("bids/_comment.html", map(Comment, texts))

    def _cells(self, row):
        """A cell for each other person."""
        return write("bids/_cell.html", [Wish("", self._wish(row, person)) for person, _label in self.others])

    def _others(self, row):
        """The others who want some, in the order of the columns. Few differ, so each is written once."""
        written = []
        for person, label in self.others:
            if person in row.wishes:
                known = self._written.get(key := (person, row.wishes[person]))
                if known is None:
                    known = self._written[key] = write("bids/_wish.html", [Wish(label, self._wish(row, person))])
                written.append(known)
        return joined(written, between=" · ")

    def _wish(self, row, person):
        if person not in row.wishes:
            return ""
        quantity = row.wishes[person]
        return _("maybe") if quantity is None else self._amount(quantity)

    def _amount(self, number):
        """Formatted for people. That costs ten times as much as looking it up, and few numbers differ."""
        if number not in self._amounts:
            self._amounts[number] = format_quantity(number)
        return self._amounts[number]


def _catalogue(row):
    product, offer = row.product, row.offer
    facts = (product.pk, product.name, product.brand, product.unit, product.step)
    if offer is None:
        return facts
    terms = (offer.pack_size, offer.min_quantity, offer.note)
    return *facts, *terms, offer.current_amount, offer.current_quantity


def facts_of(row):
    """Brand, unit, pack, minimum and note of an offer in one line."""
    product, offer = row.product, row.offer
    facts = [product.brand, product.unit]
    if offer and offer.pack_size:
        facts.append(_("pack of %(size)s") % {"size": format_quantity(offer.pack_size)})
    if offer and offer.min_quantity:
        facts.append(_("at least %(quantity)s") % {"quantity": format_quantity(offer.min_quantity)})
    if offer and offer.note:
        facts.append(offer.note)
    return " · ".join(fact for fact in facts if fact)


def _unit_price(row, currency):
    if not row.has_price:
        return ""
    return format_unit_price(row.offer.current_amount, row.offer.current_quantity, currency)


@dataclass
class PersonRow:
    """A line of the list of people (templates/bids/_person.html)."""

    pk: str
    initials: str
    name: str
    note: str
    status: str
    is_reader: bool
    is_done: bool


def people_html(run, people, user):
    return write("bids/_person.html", [_person_row(run, person, user) for person in people])


def _person_row(run, person, user):
    role = _("leads") if person.user.pk == run.leader_id else _("helps") if person.is_helper else ""
    left = _("has left") if person.left_at else ""
    status = _("Done") if person.is_ready else _("Still choosing")
    return PersonRow(
        pk=str(person.user.pk),
        initials=initials(person.user.name),
        name=person.user.name,
        note=", ".join(filter(None, (role, format_money(person.estimate, run.currency), left))),
        status=status if run.is_collecting else "",
        is_reader=person.user.pk == user.pk,
        is_done=person.is_ready,
    )
