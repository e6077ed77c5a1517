"""Reads pages and files as a person with a calculator would: every sum shown against the rows beside it."""

import csv
import re
from decimal import Decimal
from html.parser import HTMLParser

AMOUNT = re.compile(r"(-?)[€¥]([0-9][0-9,\u00a0]*(?:\.[0-9]+)?)")
PART = re.compile(r"([0-9.,\u00a0]+)/([0-9.,\u00a0]+) of ")
NO_PARTS = {"Together", "The odd one"}
VOID = {"meta", "link", "input", "br", "path", "rect", "use", "line", "img", "hr"}


class Node:
    def __init__(self, tag="", attributes=()):
        self.tag, self.attributes, self.children = tag, dict(attributes), []

    def find_all(self, tag, **wanted):
        """Every `tag` inside with these classes or attributes (`class_="panel"`)."""
        for child in self.children:
            if isinstance(child, Node):
                if child.tag == tag and all(child.has(name, value) for name, value in wanted.items()):
                    yield child
                yield from child.find_all(tag, **wanted)

    def find(self, tag, **wanted):
        return next(self.find_all(tag, **wanted))

    def has(self, name, value):
        return value in (self.attributes.get(name.rstrip("_")) or "").split()

    @property
    def text(self):
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Tree(HTMLParser):
    def __init__(self):
        super().__init__()
        self.path = [Node()]

    def handle_starttag(self, tag, attributes):
        node = Node(tag, attributes)
        self.path[-1].children.append(node)
        if tag not in VOID:
            self.path.append(node)

    def handle_startendtag(self, tag, attributes):
        self.path[-1].children.append(Node(tag, attributes))

    def handle_endtag(self, tag):
        if tag in {node.tag for node in self.path}:
            while self.path.pop().tag != tag:
                pass

    def handle_data(self, data):
        self.path[-1].children.append(data)


def tree(html):
    parser = _Tree()
    parser.feed(html)
    return parser.path[0]


def plain(digits):
    return digits.replace(",", "").replace("\u00a0", "")


def amounts(node):
    text = node if isinstance(node, str) else node.text
    return [Decimal(sign + plain(digits)) for sign, digits in AMOUNT.findall(text)]


def first(node):
    return amounts(node)[0]


def total(nodes):
    return sum((amount for node in nodes for amount in amounts(node)[:1]), Decimal(0))


# --- Pages: pairs of the sum of the rows and the total shown -----------------------------------------
def hand_out(page):
    """Each person's card, the table of balances by row and column, and who pays whom."""
    cards = [child for child in page.find("div", class_="handout").children if isinstance(child, Node)]
    for card in cards:
        shown = amounts(card.find("summary"))[0]
        yield total(item.find("small") for item in card.find("ul").find_all("li")), shown
        yield amounts(card.find("div", class_="foot"))[-1], shown
    table = page.find("table", class_="balances")
    rows = [[amounts(cell) for cell in row.find_all("td")] for row in table.find("tbody").find_all("tr")]
    for cells in rows:
        yield cells[0][0] + cells[1][0], cells[-1][0]
    for column, shown in ((0, 0), (1, 1), (-1, -1)):
        sums = [amounts(cell) for cell in table.find("tfoot").find_all("td")]
        yield sum(cells[column][0] for cells in rows), sums[shown][0]


def whys(page):
    """M5: the amount that each fold unfolds from, the amount it ends with, and what that is added up of."""
    for fold in page.find_all("details", class_="why"):
        facts = list(fold.find("dl").find_all("dd"))
        shown, told = amounts(fold.find("summary")), amounts(fold.find("dd", class_="sum"))
        if shown:
            yield shown, told[-1:]
        terms = [term.text for term in fold.find("dl").find_all("dt")]
        if terms[-1] == "Together":
            parts = [amounts(fact)[-1] for term, fact in zip(terms, facts, strict=True) if term not in NO_PARTS]
            yield sum(parts), told[-1]
        elif found := PART.search(facts[-1].text):
            mine, bought = (Decimal(plain(number)) for number in found.groups())
            paid, cost = told
            grain = Decimal(1) if "¥" in facts[-1].text else Decimal("0.01")
            yield abs(mine / bought * paid - cost) < grain, True
    for foot in page.find_all("div", class_="foot"):
        if found := amounts(foot) if " = " in foot.text else None:
            goods, extra, everything = found
            yield (goods - extra if " − " in foot.text else goods + extra), everything


def ways(page):
    """The same unfolded, on paper."""
    for row in page.find("div", class_="slips").find_all("li"):
        yield first(row.find("small")), amounts(row.find("dd", class_="sum"))[-1]
    yield from whys(page)


def folds(page):
    """What someone still pays, is still owed, or is likely to pay, from its parts."""
    for fold in page.find_all("details", id="why-due"):
        *parts, everything = [first(fact) for fact in fold.find_all("dd")]
        yield sum(parts), everything
        yield everything, first(page.find("dl", class_="figs").find("dd"))
    for fold in page.find_all("details", id="why-open"):
        *parts, together, paid, rest = [*[first(fact) for fact in fold.find_all("dd")]]
        if "Marked as paid" not in fold.text:
            parts, together, paid = [*parts, together], paid, Decimal(0)
        yield sum(parts), together
        yield abs(together - paid), rest
        yield rest, first(page.find("dl", class_="figs").find("dd"))


def estimate(page):
    """What someone's order will about cost, from its products."""
    panel = page.find("section", id="estimate")
    if told := [amounts(fact)[-1] for fact in panel.find_all("dd") if amounts(fact)]:
        *parts, everything = told
        yield sum(parts), everything
        yield everything, first(panel)


def by_product(page):
    for panel in page.find("section", id="handout").find_all("section", class_="flush"):
        if foot := next(panel.find_all("div", class_="foot"), None):
            yield total(item.find("small") for item in panel.find("ul").find_all("li")), amounts(foot)[-1]


def costs(page):
    """Purchases, receipts and extra costs, and the two sums that are compared."""
    goods, extra, receipts, difference = [amounts(cell) for cell in page.find("dl", class_="figs").find_all("dd")]
    sums = [first(row.find("b")) for row in page.find("div", class_="compare").find_all("p")]
    yield goods[0] + extra[0], sums[0]
    if receipts:
        yield receipts[0], sums[1]
        yield abs(sums[1] - sums[0]), difference[0]
    for panel in page.find_all("section", class_="flush"):
        rows = [
            row.find("span", class_="row")
            for row in panel.find("ul").find_all("li")
            if list(row.find_all("span", class_="row"))
        ]
        if shown := amounts(panel.find("header")):
            yield total(rows), shown[0]


def slips(page):
    """The preview before forcing, and the sheets to print."""
    for slip in page.find("div", class_="slips").find_all("section"):
        if shown := amounts(slip.find("header")):
            yield total(row.find("small") for row in slip.find("ul").find_all("li")), shown[0]


def board(page):
    """The total of everyone's order, below the table and beside it, and of the whole run."""
    people = total(page.find("section", id="people").find_all("small"))
    yield people, first(page.find("section", id="whole"))
    for foot in page.find_all("tfoot"):
        cells = [amounts(cell) for cell in foot.find_all("td")]
        *others, everyone, mine = [cell[0] for cell in cells if cell]
        yield sum(others) + mine, everyone


def shop(page):
    lines = list(page.find_all("li", class_="buy"))
    bought = [line for line in lines if line.has("class", "got")]
    open_lines = [line for line in lines if not line.has("class", "got") and not line.has("class", "none")]
    money = page.find("p", class_="money")
    yield total(line.find("span", class_="cost") for line in bought), first(money.find("strong"))
    yield total(line.find("span", class_="cost") for line in open_lines), first(money.find("small"))


# --- Files -----------------------------------------------------------------------------------------
def csv_sums(text):
    rows = list(csv.DictReader(text.lstrip("\ufeff").splitlines()))
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in {row["kind"] for row in rows}}
    for person in by_kind.get("total", ()):
        parts = [row for kind in ("wish", "extra costs") for row in by_kind.get(kind, ())]
        theirs = [Decimal(row["cost"]) for row in parts if row["person_id"] == person["person_id"]]
        yield sum(theirs, Decimal(0)), Decimal(person["cost"])
    for whole in by_kind.get("run total", ()):
        yield sum(Decimal(row["cost"]) for row in by_kind["total"]), Decimal(whole["cost"])


def json_sums(document):
    run, people = document["run"], document["people"]
    for person in people:
        theirs = [Decimal(row["cost"] or 0) for row in document["lines"] if row["person_id"] == person["id"]]
        yield sum(theirs, Decimal(person["extra_costs"] or 0)), Decimal(person["total"] or 0)
    if run["total"]:
        yield sum(Decimal(person["total"] or 0) for person in people), Decimal(run["total"])
        yield Decimal(run["goods"]) + Decimal(run["extra_costs"]), Decimal(run["total"])
