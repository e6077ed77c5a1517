import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("stores", "0010_pairs_that_look_the_same"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogueFile",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("size", models.PositiveBigIntegerField(default=0, verbose_name="bytes")),
                (
                    "created_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name="sent"),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "catalogue file",
                "verbose_name_plural": "catalogue files",
            },
        ),
        migrations.CreateModel(
            name="CatalogueFilePart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("size", models.PositiveIntegerField()),
                ("packed", models.BinaryField()),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="stores.cataloguefile"
                    ),
                ),
            ],
            options={
                "verbose_name": "part of a catalogue file",
                "verbose_name_plural": "parts of catalogue files",
                "constraints": [models.UniqueConstraint(fields=("file", "number"), name="one_part_of_a_number")],
            },
        ),
        migrations.CreateModel(
            name="CatalogueImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("encoding", models.CharField(blank=True, max_length=10, verbose_name="encoding")),
                ("columns", models.JSONField(default=list, verbose_name="columns")),
                ("is_rehearsal", models.BooleanField(verbose_name="dry run")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Under way"),
                            ("done", "Done"),
                            ("failed", "Stopped"),
                        ],
                        default="waiting",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("told_to", models.PositiveIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                ("reading", models.JSONField(default=dict)),
                ("error", models.TextField(blank=True, verbose_name="what went wrong")),
                (
                    "asked_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name="brought"),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="imports",
                        to="stores.cataloguefile",
                        verbose_name="file",
                    ),
                ),
                (
                    "report",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="report_of",
                        to="stores.cataloguefile",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imports",
                        to="stores.store",
                        verbose_name="store",
                    ),
                ),
            ],
            options={
                "verbose_name": "imported catalogue",
                "verbose_name_plural": "imported catalogues",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "running", "done", "failed"])),
                        name="import_state_known",
                    )
                ],
            },
        ),
    ]
