"""What receipts say, how extra costs are split, and what of a difference the payer took."""

from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import bulq.kit.columns


class Migration(migrations.Migration):
    dependencies = [
        ("bids", "0008_closing_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.CharField(blank=True, max_length=100)),
                ("amount", bulq.kit.columns.AmountColumn(decimal_places=2, max_digits=9)),
                ("added_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.AddField(
            model_name="extracost",
            name="how",
            field=models.CharField(
                choices=[("value", "By value"), ("equal", "Equal parts"), ("person", "One person")],
                db_default="value",
                default="value",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="extracost",
            name="is_difference",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="extracost",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="extra_costs",
                to="bids.participation",
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="difference_taken",
            field=bulq.kit.columns.AmountColumn(blank=True, decimal_places=2, max_digits=9, null=True),
        ),
        migrations.AddConstraint(
            model_name="extracost",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("how__in", ["value", "equal"]), ("person", None)),
                    models.Q(("how", "person"), ("person__isnull", False)),
                    _connector="OR",
                ),
                name="extra_cost_has_its_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("difference_taken__gte", Decimal("-9999999.99")), ("difference_taken__lte", Decimal("9999999.99"))
                ),
                name="run_difference_taken_within",
            ),
        ),
        migrations.AddField(
            model_name="receipt",
            name="added_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="receipt",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="receipts", to="bids.run"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", Decimal("0.01")), ("amount__lte", Decimal("9999999.99"))),
                name="receipt_amount_within",
            ),
        ),
    ]
