"""The rows of the order table, as the texts that its templates write: a page may have 1,200 cells."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from bids.actions.bidding import NO_TERMS, Terms
from bids.forms import written_terms
from bulq.kit.bars import pack_bar
from bulq.kit.money import format_money, format_quantity, format_range, format_unit_price
from bulq.kit.names import initials, listed
from bulq.kit.rows import address_of, joined, write
from bulq.kit.units import unit_name, with_unit

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
    # What goes with it: the limit as the input shows it, and what the fold says while it is closed.
    is_real: bool
    limit: str
    is_all_or_nothing: bool
    instead: str
    had: str
    terms: str
    limit_error: str


@dataclass
class Wish:
    """What one person wants of a product; `label` is their name here."""

    label: str
    amount: str


@dataclass
class Comment:
    text: str


@dataclass
class Refused:
    """What a refused form brought, by product id: sentences, and what was typed.

    `limits` has the products whose sentence is about the limit.
    """

    errors: dict = field(default_factory=dict)
    amounts: dict = field(default_factory=dict)
    terms: dict = field(default_factory=dict)
    limits: set = field(default_factory=set)

    def sentence(self, product):
        return " ".join(self.errors.get(product, []))


class OrderTable:
    """What the table shows `user` of a board; `refused` is what a refused form brought."""

    def __init__(self, board, user, *, refused=None, columns=None, editable=True):
        self.board, self.refused = board, refused or Refused()
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
        refused, wrong = self.refused, [row.product for row in rows if row.product.pk in self.refused.errors]
        places = [f"m-{product.pk}" if product.pk in refused.limits else f"q-{product.pk}" for product in wrong]
        texts = [f"{product.name}: {refused.sentence(product.pk)}" for product in wrong]
        return list(zip(texts, places, strict=True))

    def row(self, row):
        product, mine, refused = row.product, self.mine(row), self.refused
        stored, terms = plain(mine or None), terms_in(row, self.my_id)
        error, is_of_limit = refused.sentence(product.pk), product.pk in refused.limits
        shown = plain(terms.limit), terms.all_or_nothing, terms.instead
        limit, is_all, instead = refused.terms.get(product.pk, shown)
        return TableRow(
            pk=str(product.pk),
            url=self._address(product.pk),
            name=product.name,
            unit=unit_name(product.unit),
            facts=facts_of(row),
            price=_unit_price(row, self.board.run.currency),
            comments=self._comments(row),
            cells=self._cells(row) if self.columns else "",
            others=self._others(row),
            packs=pack_bar(mine, row.wanted - mine, row.pack, product.unit, *self._fine(row)),
            was=stored,
            amount=refused.amounts.get(product.pk, stored),
            mine=self._amount(mine, terms.limit) if mine else "",
            step=plain(product.step),
            error="" if is_of_limit else error,
            is_maybe=self.is_mine(row) and row.wishes[self.my_id] is None,
            is_real=bool(mine),
            limit=limit,
            is_all_or_nothing=is_all,
            instead=instead,
            had=written_terms(terms) if mine else "",
            terms="" if terms is NO_TERMS else terms_text(terms),
            limit_error=error if is_of_limit else "",
        )

    def _fine(self, row):
        return fine_with(row, self.my_id, self.others)

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
                known = self._written.get(key := (person, row.wishes[person], row.limits.get(person)))
                if known is None:
                    known = self._written[key] = write("bids/_wish.html", [Wish(label, self._wish(row, person))])
                written.append(known)
        return joined(written, between=" · ")

    def _wish(self, row, person):
        if person not in row.wishes:
            return ""
        quantity = row.wishes[person]
        return _("maybe") if quantity is None else self._amount(quantity, row.limits.get(person))

    def _amount(self, number, limit):
        """Formatted for people. That costs ten times as much as looking it up, and few numbers differ."""
        if (number, limit) not in self._amounts:
            self._amounts[number, limit] = format_range(number, limit)
        return self._amounts[number, limit]


def terms_in(row, person):
    """The terms of one participation id."""
    if person in row.limits or person in row.all_or_nothing or person in row.instead:
        return Terms(row.limits.get(person), person in row.all_or_nothing, row.instead.get(person, ""))
    return NO_TERMS


def fine_with(row, me, others):
    """For `pack_bar`: how much more is fine, and with whom. `others` are pairs of a participation id and a label."""
    if not row.limits or not row.pack:
        return ()
    names = [_("you")] if me in row.limits else []
    names += [label for person, label in others if person in row.limits]
    return row.most - row.wanted, listed(names)


def wishes_of(row, board):
    """Who wants how much of a product, with terms and comment, as texts."""
    for person, quantity in row.wishes.items():
        limit = row.limits.get(person)
        amount = _("Maybe") if quantity is None else with_unit(quantity, row.product.unit, limit)
        terms = terms_text(replace(terms_in(row, person), limit=None))  # the amount says it
        yield board.by_participation[person].user, amount, terms, row.comments.get(person, "")


def packs_of(row, board, user):
    """The pack bar of one product as `user` sees it."""
    me = board.person_of(user)
    mine = (row.wishes.get(me.pk) if me else None) or NOTHING
    others = [(person.pk, person.label) for person in others_of(board, user)]
    fine = fine_with(row, me.pk if me else None, others)
    return pack_bar(mine, row.wanted - mine, row.pack, row.product.unit, *fine)


def terms_text(terms):
    """What the fold beside an amount says while it is closed: “up to 1.5, or Lentils”."""
    params = {"limit": "" if terms.limit is None else format_quantity(terms.limit), "product": terms.instead}
    if terms.all_or_nothing:
        text = _("up to %(limit)s, all or nothing") if params["limit"] else _("all or nothing")
    else:
        text = _("up to %(limit)s") if params["limit"] else ""
    params["terms"] = text % params
    if terms.instead:
        text = _("%(terms)s, or %(product)s") if text else _("or %(product)s")
    return text % params


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
    facts = [product.brand, unit_name(product.unit)]
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
