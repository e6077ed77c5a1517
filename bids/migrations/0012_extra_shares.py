"""The parts of what each person pays of the extra costs, and what of an allocation nobody took."""

from collections import defaultdict
from decimal import Decimal
from hashlib import sha256

import django.db.models.deletion
from django.db import migrations, models

import bulq.kit.columns
from bulq.kit.money import minor_unit


def fill_parts(apps, _schema_editor):
    """Take each stored share apart; what is neither somebody's own nor an equal part is by value."""
    ExtraShare, Run = apps.get_model("bids", "ExtraShare"), apps.get_model("bids", "Run")
    for run in Run.objects.filter(extra_costs__isnull=False).distinct().select_related("group").order_by("pk"):
        people = {person.pk: person.extra_share for person in run.participations.order_by("pk")}
        received = apps.get_model("bids", "Allocation").objects.filter(item__run=run)
        receivers = set(received.values_list("bid__participation", flat=True))
        parts = _parts(run, people, receivers) if receivers else {("payer", pk): all_ for pk, all_ in people.items()}
        ExtraShare.objects.bulk_create(
            ExtraShare(participation_id=person, how=how, amount=amount)
            for (how, person), amount in parts.items()
            if amount
        )


def _parts(run, people, receivers):
    parts, costs = defaultdict(Decimal), list(run.extra_costs.order_by("pk"))
    for cost in costs:
        if cost.how == "person":
            parts["person", cost.person_id] += cost.amount
    ways, rest = {cost.how for cost in costs} - {"person"}, {}
    for person, share in people.items():
        rest[person] = share - parts["person", person]
    if ways == {"equal"}:
        return parts | {("equal", person): amount for person, amount in rest.items()}
    equal = sum((cost.amount for cost in costs if cost.how == "equal"), Decimal(0))
    for person, amount in _equal_parts(equal, receivers, run).items():
        parts["equal", person] = amount
        rest[person] -= amount
    return parts | {("value", person): amount for person, amount in rest.items()}


def _equal_parts(amount, people, run):
    """As they were split: a hash decides who pays the odd cents."""
    grain = minor_unit(run.group.currency)
    each, odd = divmod(int(abs(amount) / grain), len(people))
    drawn = sorted(people, key=lambda person: sha256(f"{run.pk}:equal:{person}".encode()).digest())[:odd]
    sign = -1 if amount < 0 else 1
    return {person: sign * (each + (person in drawn)) * grain for person in people}


class Migration(migrations.Migration):
    dependencies = [("bids", "0011_marks_become_payments")]

    operations = [
        migrations.CreateModel(
            name="ExtraShare",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("value", "By value"),
                            ("equal", "Equal parts"),
                            ("person", "One person"),
                            ("payer", "The payer"),
                        ],
                        max_length=6,
                    ),
                ),
                ("amount", bulq.kit.columns.AmountColumn(decimal_places=2, max_digits=9)),
                (
                    "participation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="extra_shares",
                        to="bids.participation",
                    ),
                ),
            ],
            options={
                "verbose_name": "share of extra costs",
                "verbose_name_plural": "shares of extra costs",
                "constraints": [
                    models.UniqueConstraint(fields=["participation", "how"], name="one_extra_share"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__gte", Decimal("-9999999.99")), ("amount__lte", Decimal("9999999.99"))
                        ),
                        name="extra_share_amount_within",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True), name="extra_share_amount_not_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("how__in", ["value", "equal", "person", "payer"])),
                        name="extra_share_way_known",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="allocation",
            name="left_over",
            field=bulq.kit.columns.QuantityColumn(db_default=0, decimal_places=2, default=0, max_digits=7),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(("left_over__gte", 0), ("left_over__lte", Decimal("99999"))),
                name="allocation_left_over_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(("left_over__lte", models.F("quantity"))), name="allocation_left_over_is_part"
            ),
        ),
        migrations.RunPython(fill_parts, migrations.RunPython.noop),
    ]
