"""Files with catalogues: kept part by part, brought by the worker, and forgotten."""

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.later import hand_over
from bulq.kit.locks import locked
from stores.models import CatalogueFile, CatalogueFilePart, CatalogueImport

PART = 900_000  # bytes; the proxy in front of the site passes on less than a megabyte
MEGABYTE = 1 << 20
TASK = "stores.tasks.bring_catalogues"


def most_bytes():
    return settings.CATALOGUE_MAX_MB * MEGABYTE


def refuse_size(size):
    if not size:
        raise BulqError(_("This file is empty."), field="file")
    if size > most_bytes():
        sentence = _("This file has %(size)d MB. At most %(most)d are read; split it into several files.")
        params = {"size": -(-size // MEGABYTE), "most": settings.CATALOGUE_MAX_MB}
        raise BulqError(sentence % params, field="file")


@transaction.atomic
def keep_part(pk, number, content, *, name, size, by):
    """Keep one part of a file of `size` bytes; the same one again changes nothing. The first forgets unused files."""
    refuse_size(size)
    if len(content) != min(PART, size - number * PART):
        raise BulqError(_("The file has changed while it was sent. Choose it again."), field="file")
    file, is_new = CatalogueFile.objects.get_or_create(pk=pk, defaults={"name": name[:200], "size": size, "by": by})
    if file.by_id != by.pk or file.size != size:
        raise BulqError(_("The file has changed while it was sent. Choose it again."), field="file")
    if is_new:
        _unused().filter(by=by).exclude(pk=pk).delete()
    CatalogueFilePart.objects.bulk_create([CatalogueFilePart.of(file, number, content)], ignore_conflicts=True)


@transaction.atomic
def keep_file(content, *, name, by):
    """Keep the file of a form that was sent by a browser without scripts."""
    refuse_size(content.size)
    _unused().filter(by=by).delete()
    file = CatalogueFile.objects.create(name=name[:200], size=content.size, by=by)
    for number, part in enumerate(content.chunks(PART)):
        CatalogueFilePart.of(file, number, part).save()
    return file


def uploaded(pk, *, by):
    """A file that was sent in parts; refused unless all of it is there."""
    file = CatalogueFile.objects.filter(pk=pk, by=by).first()
    if file is None or not file.is_complete:
        raise ChangedMeanwhile(_("This file is no longer here, or only part of it. Choose it again."), field="file")
    return file


@transaction.atomic
def ask_for_import(file, store, *, by, encoding="", columns=(), is_rehearsal):
    """The import that the worker will make; the same one when a form is sent twice."""
    file = locked(CatalogueFile.objects, pk=file.pk)
    options = {"by": by, "encoding": encoding, "columns": list(columns), "is_rehearsal": is_rehearsal}
    job = CatalogueImport.objects.due().filter(file=file, store=store, **options).first()
    if job is None:
        job = CatalogueImport.objects.create(file=file, store=store, **options)
        sentence = _("Asked for a dry run of “%(file)s”.") if is_rehearsal else _("Asked to bring “%(file)s”.")
        log(job, sentence % {"file": file})
        hand_over(TASK)
    return job


def log(job, sentence):
    """In the admin's log, at the store: it stays when the import is forgotten."""
    LogEntry.objects.log_actions(job.by_id, [job.store], CHANGE, sentence, single_object=True)


def forget(jobs):
    """Delete imports with their reports, and the files that nobody needs any longer. One under way then stops."""
    with transaction.atomic():
        reports = [job.report_id for job in jobs if job.report_id]
        files = {job.file_id for job in jobs}
        CatalogueImport.objects.filter(pk__in=[job.pk for job in jobs]).delete()
        CatalogueFile.objects.filter(pk__in=reports).delete()
        _unused().filter(pk__in=files).delete()


def forget_old():
    """Imports, files and reports that are older than a week."""
    old = timezone.now() - CatalogueFile.KEPT_FOR
    forget(CatalogueImport.objects.filter(asked_at__lt=old))
    _unused().filter(created_at__lt=old).delete()


def _unused():
    """Files that no import needs."""
    return CatalogueFile.objects.filter(imports=None, report_of=None)
