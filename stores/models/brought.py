"""Files with catalogues that site admins bring, and what became of them. Both are kept for a week at most."""

import zlib
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .catalogue import Store


class CatalogueFile(models.Model):
    """A file in parts, in the database, which is what web and worker share.

    The page that sends it gives it its id, so that a part which is sent again is stored once.
    """

    KEPT_FOR = timedelta(days=7)

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(pgettext_lazy("thing", "name"), max_length=200)
    size = models.PositiveBigIntegerField(_("bytes"), default=0)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("sent"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name, verbose_name_plural = _("catalogue file"), _("catalogue files")

    def __str__(self):
        return self.name

    @property
    def is_complete(self):
        return self.parts.aggregate(sum=Sum("size"))["sum"] == self.size

    def read(self):
        """The content, part by part."""
        for part in self.parts.order_by("number").iterator(chunk_size=10):
            yield part.content


class CatalogueFilePart(models.Model):
    file = models.ForeignKey(CatalogueFile, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    packed = models.BinaryField()

    class Meta:
        verbose_name, verbose_name_plural = _("part of a catalogue file"), _("parts of catalogue files")
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="one_part_of_a_number")]

    def __str__(self):
        return f"{self.file_id} {self.number}"

    @classmethod
    def of(cls, file, number, content):
        return cls(file=file, number=number, size=len(content), packed=zlib.compress(content))

    @property
    def content(self):
        return zlib.decompress(self.packed)


class CatalogueImportQuerySet(models.QuerySet):
    def due(self):
        """What the worker has to do, the oldest first."""
        return self.filter(state__in=CatalogueImport.OPEN).order_by("pk")


class CatalogueImport(models.Model):
    """A file that becomes part of what a store sells, or a rehearsal of that.

    `columns` are texts like "price=Cena". `counts` has the lines by outcome, up to line `told_to`: both are written
    together with the lines. `reading` says how the file was read: `encoding`, `not_read` (headings), and `examples` of
    names (as they were read, and as they could be).
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Under way")
        DONE = "done", _("Done")
        FAILED = "failed", _("Stopped")

    OPEN = (State.WAITING, State.RUNNING)

    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="imports", verbose_name=_("store"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("by"))
    file = models.ForeignKey(CatalogueFile, on_delete=models.PROTECT, related_name="imports", verbose_name=_("file"))
    report = models.OneToOneField(CatalogueFile, on_delete=models.PROTECT, null=True, related_name="report_of")
    encoding = models.CharField(_("encoding"), max_length=10, blank=True)
    columns = models.JSONField(_("columns"), default=list)
    is_rehearsal = models.BooleanField(_("dry run"))
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    told_to = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    reading = models.JSONField(default=dict)
    error = models.TextField(_("what went wrong"), blank=True)
    asked_at = models.DateTimeField(_("brought"), default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = CatalogueImportQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("imported catalogue"), _("imported catalogues")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "running", "done", "failed"]), name="import_state_known"
            ),
        ]

    def __str__(self):
        return _("%(file)s for %(store)s") % {"file": self.file, "store": self.store}

    @property
    def is_open(self):
        return self.state in self.OPEN

    @property
    def lines(self):
        return sum(self.counts.values())

    @property
    def kept_until(self):
        return self.asked_at + CatalogueFile.KEPT_FOR
