"""Lines of a store's catalogue, written many at a time; the same lines again change nothing."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Now, TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.errors import UniqueViolation

from bulq.kit.errors import BulqError, Busy
from bulq.kit.locks import busy_when_locked, locked
from bulq.kit.names import fold
from bulq.kit.units import unit_name
from stores.models import Offer, Price, Product, Store, guess_categories, standard_unit, whole_number_needed
from stores.models.generations import renew
from stores.validators import shown_barcode

NEW, CHANGED, EQUAL, SKIPPED = "new", "changed", "equal", "skipped"
ATTEMPTS = 3
OF_PRODUCT = ("kind", "step", "barcode", "category_id")
OF_OFFER = ("pack_size", "min_quantity", "note")


@dataclass(slots=True, kw_only=True)
class Line:
    """One line, checked by itself. What is empty leaves alone what is stored."""

    number: int
    name: str
    day: date
    brand: str = ""
    unit: str = ""
    kind: str = ""
    step: Decimal | None = None
    barcode: str | None = None
    category_id: int | None = None
    pack_size: Decimal | None = None
    min_quantity: Decimal | None = None
    note: str = ""
    amount: Decimal | None = None
    quantity: Decimal | None = None
    key: tuple[str, str] = field(init=False)  # of name and brand

    def __post_init__(self):
        self.key = fold(self.name), fold(self.brand)


class Refused(Exception):
    """A line is skipped; the text says why."""


class Import:
    """Writes lines into the catalogue, and into what a store sells.

    A line is matched with a product by its bar code, otherwise by name and brand, which it never changes. Of several
    lines about one product the first decides; others may only add prices of other days or quantities. A rehearsal runs
    in a transaction that the caller takes back: it locks nothing that it does not change, and announces nothing.
    """

    def __init__(self, store, *, by=None, is_rehearsal=False):
        self.store, self.by, self.is_rehearsal = store, by, is_rehearsal
        self.said_in = {}  # number of the line that described a product, by the product's id

    def write(self, lines):
        """Write all lines in one transaction. Returns `[(outcome, reason)]`, a reason only for those skipped."""
        for attempt in range(ATTEMPTS):
            try:
                with transaction.atomic(), busy_when_locked():
                    batch = _Batch(self, lines)
                    outcomes = [batch.take(line) for line in lines]
                    batch.save()
            except (Busy, IntegrityError) as error:
                # Someone else has added or is changing the same; the next attempt finds it.
                if isinstance(error, IntegrityError) and not isinstance(error.__cause__, UniqueViolation):
                    raise
                if attempt == ATTEMPTS - 1:
                    raise Busy(_("Someone else is changing the same products right now. Try again.")) from error
            else:
                self.said_in |= batch.said_in()
                return outcomes
        return None


@dataclass(slots=True, eq=False)
class _Entry:
    """A product, its offer at the store, and what is to be written of them."""

    product: Product
    offer: Offer | None = None
    said_in: int | None = None
    observed: set = field(default_factory=set)  # (day, amount, quantity)
    prices: list = field(default_factory=list)
    is_corrected: bool = False
    is_offer_corrected: bool = False


class _Batch:
    def __init__(self, job, lines):
        self.job, self.store = job, job.store
        names = [line.key[0] for line in lines]
        codes = [line.barcode for line in lines if line.barcode]
        found = Product.objects.filter(Q(name_key__in=names) | Q(barcode__in=codes)).order_by("pk")
        if not job.is_rehearsal:
            found = found.select_for_update(no_key=True)
        self.entries = {row.pk: _Entry(row, said_in=job.said_in.get(row.pk)) for row in found}
        self.by_name = {(entry.product.name_key, entry.product.brand_key): entry for entry in self.entries.values()}
        self.by_code = {entry.product.barcode: entry for entry in self.entries.values() if entry.product.barcode}
        self._find_offers({line.day for line in lines if line.amount is not None})
        self.entries = list(self.entries.values())

    def _find_offers(self, days):
        offers = Offer.objects.filter(store=self.store, product__in=self.entries.keys())
        for offer in offers:
            self.entries[offer.product_id].offer = offer
        if days:
            prices = Price.objects.filter(offer__in=offers.values("pk")).annotate(day=TruncDate("seen_at"))
            rows = prices.filter(day__in=days).values_list("offer__product", "day", "amount", "quantity")
            for product, *observation in rows:
                self.entries[product].observed.add(tuple(observation))

    # --- Lines -------------------------------------------------------------------------------------
    def take(self, line):
        try:
            return self._take(line), ""
        except Refused as refusal:
            return SKIPPED, str(refusal)

    def _take(self, line):
        """Check all of the line, then note what is to be written, so that half of it never is."""
        entry = self.by_code.get(line.barcode) or self.by_name.get(line.key)
        is_new = entry is None
        entry = entry or _Entry(self._new_product(line))
        is_new_here, offer = entry.offer is None, entry.offer or Offer(store=self.store, product=entry.product)
        corrections, details = _given(line, entry.product, OF_PRODUCT), _given(line, offer, OF_OFFER)
        self._refuse(line, entry, corrections, details)
        price = self._price(line, entry, offer, details)

        for row, values in ((entry.product, corrections), (offer, details)):
            for name, value in values.items():
                setattr(row, name, value)
        if is_new:
            self.entries.append(entry)
            self.by_name[line.key] = entry
        if entry.product.barcode:
            self.by_code[entry.product.barcode] = entry
        entry.offer, entry.said_in = offer, entry.said_in or line.number
        entry.is_corrected |= bool(corrections)
        entry.is_offer_corrected |= bool(details)
        if price:
            entry.prices.append(price)
            entry.observed.add((line.day, price.amount, price.quantity))
        if is_new or is_new_here:
            return NEW
        return CHANGED if corrections or details or price else EQUAL

    def _new_product(self, line):
        if not line.unit:
            raise Refused(_("Enter the unit: this product is new"))
        kind = line.kind or Product.usual_kind(line.unit)
        return Product(
            name=line.name,
            brand=line.brand,
            unit=line.unit,
            kind=kind,
            step=line.step or Product.usual_step(line.unit, kind),
            barcode=line.barcode,
            category_id=line.category_id,
            created_by=self.job.by,
        )

    def _refuse(self, line, entry, corrections, details):
        product = entry.product
        if line.unit and line.unit != standard_unit(product.unit):
            params = {"product": product, "unit": unit_name(product.unit), "other": unit_name(line.unit)}
            raise Refused(_("%(product)s is sold by %(unit)s here, not by %(other)s") % params)
        if "barcode" in corrections and product.barcode:
            params = {"product": product, "code": shown_barcode(product.barcode)}
            raise Refused(_("%(product)s already has another bar code, %(code)s") % params)
        if "kind" in corrections and product.is_unit_fixed:
            raise Refused(_("The kind can't change once someone has ordered this product or logged a price."))
        if entry.said_in and (corrections or details):
            raise Refused(_("Line %(number)d says something else about this product") % {"number": entry.said_in})
        if corrections.get("kind", product.kind) == Product.Kind.COUNTED:
            if corrections.get("step", product.step) % 1:
                raise Refused(str(Product.counted_in_whole_steps()))
            if any((value or 0) % 1 for value in (line.pack_size, line.min_quantity, line.quantity)):
                raise Refused(str(whole_number_needed()))

    def _price(self, line, entry, offer, details):
        """The observation of the line, or None if it has none or it is known, even if it was withdrawn since."""
        if line.amount is None:
            return None
        quantity = line.quantity or details.get("pack_size") or offer.pack_size or Decimal(1)
        if (line.day, line.amount, quantity) in entry.observed:
            return None
        # Today's is the newest; one of an earlier day goes into the middle of it.
        seen_at = Now()
        if line.day < timezone.localdate():
            seen_at = timezone.make_aware(datetime.combine(line.day, time(12)))
        return Price(offer=offer, amount=line.amount, quantity=quantity, seen_at=seen_at, seen_by=self.job.by)

    # --- Writing -----------------------------------------------------------------------------------
    def save(self):
        """Products, then the lock of the store, then its offers and prices: the order in which pages write them."""
        new = [entry.product for entry in self.entries if not entry.product.pk]
        corrected = [entry.product for entry in self.entries if entry.product.pk and entry.is_corrected]
        priced = [entry for entry in self.entries if entry.prices]
        self._save_products(new, corrected, priced)
        if not self.job.is_rehearsal:
            self._lock_store(is_priced=bool(priced))
        created = [entry.offer for entry in self.entries if entry.offer and not entry.offer.pk]
        details = [entry.offer for entry in self.entries if entry.is_offer_corrected and entry.offer.pk]
        _plain(Offer).bulk_create(created)
        if details:
            _plain(Offer).bulk_update(details, OF_OFFER)
        self._save_prices(priced)
        if not self.job.is_rehearsal and (new or corrected or created or details or priced):
            stores = Product.stores_that_show([product.pk for product in corrected])
            renew(Store, stores | {self.store.pk}, Product.lists if new or corrected else ())

    def _save_products(self, new, corrected, priced):
        unfixed = [entry.product for entry in priced if entry.product.pk and not entry.product.is_unit_fixed]
        for entry in priced:
            entry.product.is_unit_fixed = True
        guessed = [product for product in new if product.category_id is None]
        for product, category in zip(guessed, guess_categories([row.name for row in guessed]), strict=True):
            product.category_id = category
        # Two imports of one file insert in one order.
        _plain(Product).bulk_create(sorted(new, key=lambda product: (product.name, product.brand)))
        if corrected:
            _plain(Product).bulk_update(corrected, OF_PRODUCT)
        if unfixed:
            Product.objects.filter(pk__in=[product.pk for product in unfixed]).update(is_unit_fixed=True)

    def _lock_store(self, *, is_priced):
        try:
            store = locked(Store.objects, pk=self.store.pk)
        except Store.DoesNotExist:
            raise BulqError(_("This store has been removed meanwhile.")) from None
        if store.currency != self.store.currency:
            raise BulqError(_("The currency of this store has been changed meanwhile."))
        if is_priced and not store.is_currency_fixed:
            Store.objects.filter(pk=store.pk).update(is_currency_fixed=True)

    def _save_prices(self, priced):
        if not priced:
            return
        # As when a single price is recorded: none stays in the future.
        offers = [entry.offer.pk for entry in priced]
        _plain(Price).filter(offer__in=offers, seen_at__gt=Now()).update(seen_at=Now())
        _plain(Price).bulk_create([price for entry in priced for price in entry.prices])

    def said_in(self):
        return {entry.product.pk: entry.said_in for entry in self.entries if entry.said_in}


def _given(line, row, names):
    """What the line says and the row does not, by the name of the column."""
    values = {name: getattr(line, name) for name in names}
    return {name: value for name, value in values.items() if value not in (None, "") and value != getattr(row, name)}


def _plain(model):
    """Rows whose changes are announced once, at the end."""
    return models.QuerySet(model)
