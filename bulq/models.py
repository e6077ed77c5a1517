from django.conf import settings
from django.db import models


class SentForm(models.Model):
    """One posted form and its answer, so that the same form sent again has no second effect (spec 73).

    `key` is a digest of the person, the address and everything in the form, its one-time id included.
    """

    key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    signed_in = models.BooleanField(default=False)
    sent_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self):
        return self.key
