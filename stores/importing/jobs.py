"""The worker's part of imports that the site admin asks for."""

import io
from collections import Counter
from contextlib import suppress
from tempfile import TemporaryFile

from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from bulq.kit.breaker import Breaker, RedisAway
from bulq.kit.errors import BulqError, Busy
from bulq.kit.languages import speaking_to
from bulq.kit.locks import is_at_work, work_lock
from bulq.kit.tables import BOM, write_rows
from stores.actions import uploads
from stores.actions.importing import CHANGED, EQUAL, NEW, SKIPPED
from stores.models import CatalogueFile, CatalogueFilePart, CatalogueImport

from .bringing import bring
from .columns import parse_mapping

LOCK = 0x63617461  # “cata”
ATTEMPTS = 3
RIGHT = "stores.add_catalogueimport"
BEGINNING = 4 * uploads.PART
State = CatalogueImport.State
breaker = Breaker("the progress of imports")


def bring_due():
    """Bring what waits, and what a worker that died has left. One worker at a time does."""
    if not CatalogueImport.objects.due().exists():
        return
    with work_lock(LOCK) as is_free:
        seen = set()
        while is_free and (job := _next(seen)):
            seen.add(job.pk)
            with speaking_to(job.by):
                _carry_out(job)


def is_under_way():
    return is_at_work(LOCK)


def beginning_of(file):
    """The lines at the beginning of a file, to look at its columns: of a large one, not all of it."""
    content = bytearray()
    for part in file.read():
        content += part
        if len(content) >= BEGINNING and len(content) < file.size:
            return io.BytesIO(content[: content.rfind(b"\n") + 1] or content)
    return io.BytesIO(content)


def percent_of(job):
    """How much of the file is done; None if nobody knows."""
    try:
        return breaker.ask(lambda: cache.get(_key(job)))
    except RedisAway:
        return None


def _key(job):
    return f"catalogue-import:{job.pk}"


def _next(seen):
    return CatalogueImport.objects.due().exclude(pk__in=seen).select_related("store", "by", "file").first()


def _carry_out(job):
    job.attempts += 1
    if not _change(job, state=State.RUNNING, attempts=F("attempts") + 1):
        return
    if job.attempts > ATTEMPTS:
        sentence = _("Tried %(count)d times: the worker was stopped each time, or others changed the same products.")
        _end(job, State.FAILED, sentence % {"count": ATTEMPTS})
        return
    if not (job.by.is_active and job.by.is_staff and job.by.has_perm(RIGHT)):
        _end(job, State.FAILED, _("%(name)s may no longer bring catalogues.") % {"name": job.by})
        return
    try:
        with TemporaryFile() as file:
            for content in job.file.read():
                file.write(content)
            _bring(job, file)
    except Busy:
        _change(job, state=State.WAITING)  # for its next turn
    except BulqError as error:
        _end(job, State.FAILED, error.message)


def _bring(job, file):
    told = _Told(job)
    report = bring(
        file,
        job.store,
        by=job.by,
        is_rehearsal=job.is_rehearsal,
        encoding=job.encoding,
        mapping=parse_mapping(job.columns),
        on_line=told.add,
        on_batch=told.keep,
    )
    reading = {"encoding": report.encoding, "not_read": report.not_read, "examples": report.examples}
    with transaction.atomic():
        told.write()
        _change(job, reading=reading)
        _end(job, State.DONE if report.is_anything_read else State.FAILED)


class _Told:
    """The report, written together with the lines it is about; of a rehearsal, which is taken back, at the end.

    When an import begins again after a worker died, lines that were told already keep their first outcome.
    """

    def __init__(self, job):
        self.job, self.told_to, self.counts = job, job.told_to, Counter(job.counts)
        self.number = job.report.parts.count() if job.report else 0
        self.rows, self.parts = [] if self.number else [("line", "name", "outcome", "reason")], []

    def add(self, number, name, outcome, reason):
        if number > self.told_to:
            self.told_to = number
            self.counts[outcome] += 1
            self.rows.append((number, name, outcome, reason))

    def keep(self, part):
        if self.rows:
            text = io.StringIO("" if self.number else BOM)
            text.seek(0, io.SEEK_END)
            write_rows(text, self.rows)
            self.parts.append(CatalogueFilePart.of(None, self.number, text.getvalue().encode()))
            self.number, self.rows = self.number + 1, []
        if not self.job.is_rehearsal:
            self.write()
        _tell(self.job, round(part * 100))

    def write(self):
        """Write what has not been written yet; refused when the import has been deleted meanwhile."""
        job = self.job
        with transaction.atomic():
            if job.report is None:
                job.report = CatalogueFile.objects.create(name=job.file.name, by=job.by)
            if not _change(job, report=job.report, told_to=self.told_to, counts=self.counts):
                raise BulqError(_("This import has been deleted meanwhile."))
            for part in self.parts:
                part.file = job.report
            CatalogueFilePart.objects.bulk_create(self.parts)
        self.parts = []


def _tell(job, percent):
    with suppress(RedisAway):  # the page then says nothing about how far it is
        breaker.ask(lambda: cache.set(_key(job), percent, timeout=3600))


def _change(job, **values):
    """Whether it is still there."""
    return CatalogueImport.objects.due().filter(pk=job.pk).update(**values)


@transaction.atomic
def _end(job, state, error=""):
    if state == State.FAILED and not error:
        error = _("Nothing could be read.")
    if not _change(job, state=state, error=error, ended_at=timezone.now()):
        return
    counts = dict.fromkeys((NEW, CHANGED, EQUAL, SKIPPED), 0) | CatalogueImport.objects.get(pk=job.pk).counts
    sentence = _("“%(file)s”: %(new)d new, %(changed)d changed, %(equal)d equal, %(skipped)d skipped.")
    if job.is_rehearsal:
        sentence = _("Dry run of “%(file)s”: %(new)d new, %(changed)d changed, %(equal)d equal, %(skipped)d skipped.")
    uploads.log(job, " ".join(filter(None, (sentence % {"file": job.file, **counts}, error))))
