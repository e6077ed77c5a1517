"""Search over products, stores and the reader's own groups: up to five of each, best first."""

from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from accounts.models import Group
from stores.models import SIMILAR, Product, ProductAlias, Sought, Store, Words, with_cheapest
from stores.validators import read_barcode, typed_digits

SHORTEST, MOST = 2, 5


@dataclass
class Found:
    """A product, store or group. `also_called` is the other name it was found by, if its own fits less well."""

    thing: Product | Store | Group
    is_similar: bool  # only some of its words are similar
    also_called: str = ""


@dataclass
class Kind:
    total: int = 0
    found: list[Found] = field(default_factory=list)


@dataclass
class Findings:
    text: str
    products: Kind = field(default_factory=Kind)
    stores: Kind = field(default_factory=Kind)
    groups: Kind = field(default_factory=Kind)
    barcode: str = ""  # if the text is one
    problem: str = ""  # why it is none, although it looks like one

    @property
    def is_long_enough(self):
        return len(self.text) >= SHORTEST

    @property
    def total(self):
        return self.products.total + self.stores.total + self.groups.total

    @property
    def shown(self):
        return len(self.products.found) + len(self.stores.found) + len(self.groups.found)


def find(user, text):
    """What `user` finds, in the same number of queries however much that is. Needs two characters."""
    sought = Sought(text)
    findings = Findings(sought.text)
    if not findings.is_long_enough:
        return findings
    if typed_digits(sought.text):
        try:
            findings.barcode = read_barcode(sought.text)
        except ValidationError as error:
            findings.problem = error.messages[0]
    findings.products = _products(sought)
    findings.stores = _kind(Store.objects.search(sought.text))
    findings.groups = _groups(user, sought)
    return findings


def _products(sought):
    rows = Product.objects.search(sought.text).select_related("category")
    products = with_cheapest(rows[:MOST])
    aliases = ProductAlias.objects.filter(product__in=products).annotate(rank=sought.rank("key"))
    best = {alias.product_id: alias for alias in aliases.order_by("-rank", "-name")}
    found = []
    for product in products:
        alias = best.get(product.pk)
        is_by_alias = alias is not None and alias.rank < product.own_rank
        found.append(Found(product, product.rank == SIMILAR, alias.name if is_by_alias else ""))
    return Kind(_total(rows, found), found)


def _groups(user, sought):
    """Of the groups that the person is in; others do not exist."""
    mine = Group.objects.visible_to(user).annotate(words=Words("name")).filter(sought.begins("words"))
    return _kind(mine.annotate(rank=sought.rank("words")).with_member_count().order_by("rank", "name", "pk"))


def _kind(rows):
    found = [Found(row, row.rank == SIMILAR) for row in rows[:MOST]]
    return Kind(_total(rows, found), found)


def _total(rows, found):
    return rows.count() if len(found) == MOST else len(found)
