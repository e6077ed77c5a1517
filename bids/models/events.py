from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from stores.models import Product

from .runs import Run


class Event(models.Model):
    """Something that happened in a run: by whom, when, and to whom or which product.

    `data` holds the figures of the moment as text; the sentence is made when the history is read, in the language
    of the reader (`bids/reading/history.py`).
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=30)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", null=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("history entry"), gettext_lazy("history entries")
        indexes = [models.Index(fields=["run", "-id"], name="event_newest")]

    def __str__(self):
        return f"{self.kind} in run {self.run_id}"
