from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import Group, Membership
from accounts.signals import membership_ending
from stores.models import Store

from .actions.calendar import raise_sequence_of_names
from .actions.membership import end_part_in_runs, revive_part_in_runs, what_follows
from .actions.notifications import notify_removed


@receiver(membership_ending)
def end_part(membership, by, preview=False, **_kwargs):
    if preview:
        return what_follows(membership)
    if by.pk != membership.user_id:
        notify_removed(membership, by=by)
    return end_part_in_runs(membership, by=by)


@receiver(post_save, sender=Membership)
def revive_part(instance, created, raw=False, **_kwargs):
    if created and not raw:
        revive_part_in_runs(instance)


@receiver(post_save, sender=Group)
@receiver(post_save, sender=Store)
def count_new_name(sender, instance, created, update_fields, raw=False, **_kwargs):
    """The title of a calendar's entry names store and group."""
    if not created and not raw and "name" in (update_fields or ("name",)):
        raise_sequence_of_names(**{sender._meta.model_name: instance})
