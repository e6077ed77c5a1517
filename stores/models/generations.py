"""Random tokens that identify the current state of the catalogue's lists; part of the rows and of the cache keys.

A token changes in the same transaction as the data of its list. Every write comes through here: `save()` and `delete()`
by signals (stores/receivers.py), bulk writes by `AnnouncingQuerySet`. Manual SQL has to call `renew`.
"""

import uuid

from django.db import models, transaction

from bulq.kit.prepared import prepared

STORES, PRODUCTS = "stores", "products"
UNCHANGED = uuid.UUID(int=0)


class Generation(models.Model):
    """The token of a list of the whole catalogue. Each store has one of its own for what is sold there."""

    name = models.CharField(max_length=20, primary_key=True)
    token = models.UUIDField(default=uuid.uuid4)

    def __str__(self):
        return f"{self.name} {self.token}"


def token_of(name):
    """The current token; a constant for a list that has never changed."""
    return next((token for (token,) in _tokens(name)), UNCHANGED)


@prepared
def _tokens(name):
    return Generation.objects.filter(name=name).values_list("token")


def renew(store_model, stores=(), names=()):
    """New tokens for what is sold at `stores` (ids) and for the lists `names`. Rows are locked in one order."""
    rows = models.QuerySet(store_model).filter(pk__in=set(stores))
    if len(set(stores)) > 1:
        list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    if stores:
        rows.update(generation=uuid.uuid4())
    if names:
        lists = [Generation(name=name) for name in sorted(names)]
        Generation.objects.bulk_create(lists, update_conflicts=True, unique_fields=["name"], update_fields=["token"])


class AnnouncingQuerySet(models.QuerySet):
    """Changes of many rows at once renew the tokens too, in the same transaction."""

    def update(self, **values):
        if values.keys() <= self.model.not_shown:
            return super().update(**values)
        with transaction.atomic(using=self.db):
            rows = list(self.values_list("pk", flat=True))
            before = self.model.stores_that_show(rows)
            changed = models.QuerySet.update(self.filter(pk__in=rows), **values)
            if rows:
                announce(self.model, before | self.model.stores_that_show(rows))
        return changed

    def bulk_create(self, objs, *args, **options):
        objs = list(objs)
        with transaction.atomic(using=self.db):
            made = super().bulk_create(objs, *args, **options)
            # Rows skipped because of a conflict have no key.
            announce(self.model, self.model.stores_that_show([row.pk for row in objs if row.pk]))
        return made

    def delete_unused(self):
        """Delete rows that no others refer to, in one statement; `delete` sends signals for each of them."""
        with transaction.atomic(using=self.db):
            rows = list(self.values_list("pk", flat=True))
            before = self.model.stores_that_show(rows)
            self.model.objects.filter(pk__in=rows)._raw_delete(self.db)
            if rows:
                announce(self.model, before)


def announce(model, stores):
    """Renew the tokens after a change of `model` that is shown by `stores` (ids)."""
    renew(model._meta.apps.get_model("stores", "Store"), stores, model.lists)


class Announced(models.Model):
    """A row shown in catalogue lists: `lists` names the global ones, `stores_that_show(ids)` the stores."""

    lists = ()
    # Columns that no list shows.
    not_shown = frozenset()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        with transaction.atomic():  # with the tokens that the signals renew
            super().save(*args, **kwargs)
