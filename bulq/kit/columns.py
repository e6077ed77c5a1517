"""Columns that several models have: quantities, amounts, and the key under which two names are the same."""

from django.db import models

from .names import fold


class QuantityColumn(models.DecimalField):
    """Quantity of a product in its unit, two decimals."""

    def __init__(self, *args, **kwargs):
        kwargs["max_digits"], kwargs["decimal_places"] = 7, 2
        super().__init__(*args, **kwargs)


class AmountColumn(models.DecimalField):
    """Amount of money, two decimals in every currency."""

    def __init__(self, *args, **kwargs):
        kwargs["max_digits"], kwargs["decimal_places"] = 9, 2
        super().__init__(*args, **kwargs)


def within(model, field, low, high):
    """CHECK with both bounds: PostgreSQL sorts NaN above every number, so a lower bound alone lets it in."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__gte": low, f"{field}__lte": high}), name=f"{model}_{field}_within"
    )


class FoldedKeyField(models.CharField):
    """Holds `fold()` of another column, so that a plain unique constraint refuses the same name twice."""

    def __init__(self, *args, source, **kwargs):
        self.source = source
        # Case folding can make a text longer (ß, ligatures), at most threefold.
        kwargs |= {"max_length": 300, "editable": False}
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"source": self.source}

    def pre_save(self, instance, add):
        key = fold(getattr(instance, self.source))
        setattr(instance, self.attname, key)
        return key
