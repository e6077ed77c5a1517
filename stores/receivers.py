"""Every write to the catalogue renews the tokens of the lists that show the row."""

from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from .models import Offer, Price, Product, Store
from .models.generations import announce


def of_the_catalogue(*signals):
    def connect(function):
        for sender in (Store, Product, Offer, Price):
            receiver(signals, sender=sender)(function)
        return function

    return connect


@of_the_catalogue(pre_save, pre_delete)
def remember(sender, instance, **_kwargs):
    """Note which stores show the row before it changes: it may move or be deleted."""
    instance.shown_before = sender.stores_that_show([instance.pk]) if instance.pk else set()


@of_the_catalogue(post_save, post_delete)
def renew_tokens(sender, instance, **_kwargs):
    announce(sender, instance.shown_before | sender.stores_that_show([instance.pk]))
