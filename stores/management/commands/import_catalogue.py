from contextlib import ExitStack
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from bulq.kit.errors import BulqError
from bulq.kit.names import listed
from bulq.kit.tables import BOM, write_rows
from stores.actions.importing import CHANGED, EQUAL, NEW, SKIPPED
from stores.importing import ENCODINGS, NAMES, bring, parse_mapping
from stores.management.named import store_named


class Command(BaseCommand):
    help = "Brings the catalogue of a store from a CSV file. Exit code 1: nothing could be read, or it was interrupted."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--store", required=True, metavar="NAME")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
        parser.add_argument("--encoding", choices=ENCODINGS, default="", help="instead of finding it out")
        parser.add_argument(
            "--map",
            action="extend",
            nargs="+",
            default=[],
            metavar="NAME=COLUMN",
            help=f"which column of the file is what ({listed(NAMES, most=len(NAMES))}); an empty one is left out",
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="write what became of each line, as CSV")

    def handle(self, *args, file, store, dry_run, encoding, map, report, **options):
        try:
            with ExitStack() as opened:
                source = opened.enter_context(file.open("rb"))
                result = bring(
                    source,
                    store_named(store),
                    is_rehearsal=dry_run,
                    encoding=encoding,
                    mapping=parse_mapping(map),
                    on_line=self._written_to(report, opened),
                    on_batch=self._progress(),
                )
        except OSError as error:
            raise CommandError(str(error)) from error
        except BulqError as error:
            raise CommandError(error.message) from error
        self._tell(result, dry_run)
        if not result.is_anything_read:
            raise CommandError("Nothing could be read.")

    def _written_to(self, path, opened):
        """Writes each line's outcome to the report, if there is one."""
        if not path:
            return None
        output = opened.enter_context(path.open("w", encoding="utf-8", newline=""))
        output.write(BOM)
        write_rows(output, [("line", "name", "outcome", "reason")])
        return lambda *line: write_rows(output, [line])

    def _progress(self):
        """A line that changes, on a terminal only."""
        if not self.stderr.isatty():
            return None
        return lambda part: self.stderr.write(f"\r{part:4.0%}", style_func=str, ending="")

    def _tell(self, report, dry_run):
        if self.stderr.isatty():
            self.stderr.write("")  # after the progress
        counts = report.counts
        for number, reason in report.reasons:
            self.stdout.write(f"Line {number}: {reason}")
        if counts[SKIPPED] > len(report.reasons):
            self.stdout.write(f"... and {counts[SKIPPED] - len(report.reasons)} more.")
        if report.not_read:
            self.stdout.write(f"Columns left out: {listed(report.not_read, most=20)}.")
        if report.examples:
            self.stdout.write(f"Read as {report.encoding}. If these names are wrong, use --encoding:")
            for name, other in report.examples:
                self.stdout.write(f"  {name} (not {other})")
        self.stdout.write(
            f"{report.lines} lines: {counts[NEW]} new, {counts[CHANGED]} changed, {counts[EQUAL]} equal, "
            f"{counts[SKIPPED]} skipped."
        )
        if dry_run:
            self.stdout.write("This was a dry run: nothing has been changed.")
