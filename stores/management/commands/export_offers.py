from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from bulq.kit.tables import BOM, write_rows
from stores.management.named import store_named
from stores.reading.offers import offer_rows


class Command(BaseCommand):
    help = "Writes what a store sells as CSV, which import_catalogue can bring back."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--store", required=True, metavar="NAME")

    def handle(self, *args, file, store, **options):
        rows = offer_rows(store_named(store))
        try:
            with file.open("w", encoding="utf-8", newline="") as output:
                output.write(BOM)
                write_rows(output, rows)
        except OSError as error:
            raise CommandError(str(error)) from error
