"""Ids that lead on: the address of a product or store that became part of another keeps working."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .catalogue import Product, Store


class Forwarded(models.Model):
    """Always one step: when the target is merged as well, its rows lead to the new target."""

    old_id = models.BigIntegerField(primary_key=True)

    class Meta:
        abstract = True

    def __str__(self):
        return str(self.old_id)


class ForwardedProduct(Forwarded):
    target = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="forwarded")

    class Meta:
        verbose_name, verbose_name_plural = _("former address"), _("former addresses")


class ForwardedStore(Forwarded):
    target = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="forwarded")

    class Meta:
        verbose_name, verbose_name_plural = _("former address"), _("former addresses")


def forwarded(arguments):
    """The arguments of a route, with ids that lead on replaced by those they lead to."""
    replaced = dict(arguments)
    for name, model in (("product_id", ForwardedProduct), ("store_id", ForwardedStore)):
        if name in arguments and (found := model.objects.filter(old_id=arguments[name]).first()):
            replaced[name] = found.target_id
    return replaced
