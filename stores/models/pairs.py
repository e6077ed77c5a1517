"""Two products, or two stores, that look the same: proposed for merging until a site admin tells them apart."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .catalogue import Product, Store


class PairQuerySet(models.QuerySet):
    def proposed(self):
        """Best first."""
        return self.filter(told_apart_at=None).order_by("-likeness", "pk")

    def told_apart(self):
        """The newest first."""
        return self.filter(told_apart_at__isnull=False).order_by("-told_apart_at", "-pk")

    def of_any(self, rows):
        return self.filter(Q(first__in=rows) | Q(second__in=rows))


class Pair(models.Model):
    """Two rows, the older one first. `likeness`: how many trigrams their names share, from 0 to 1."""

    likeness = models.FloatField(editable=False)
    told_apart_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    told_apart_at = models.DateTimeField(null=True)

    objects = PairQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_%(class)s_of_two"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="%(class)s_older_first"),
            models.CheckConstraint(
                condition=Q(told_apart_by=None, told_apart_at=None)
                | Q(told_apart_by__isnull=False, told_apart_at__isnull=False),
                name="%(class)s_told_apart_by_someone",
            ),
        ]
        indexes = [
            models.Index("likeness", condition=Q(told_apart_at=None), name="%(class)s_proposed"),
        ]

    def __str__(self):
        return f"{self.first} = {self.second}"


class ProductPair(Pair):
    first = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="first_of")
    second = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="second_of")

    class Meta(Pair.Meta):
        verbose_name, verbose_name_plural = _("pair of products"), _("pairs of products")


class StorePair(Pair):
    first = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="first_of")
    second = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="second_of")

    class Meta(Pair.Meta):
        verbose_name, verbose_name_plural = _("pair of stores"), _("pairs of stores")
