"""The journal of payments. What is marked as paid until now becomes payments in the next migration."""

from decimal import Decimal

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import bulq.kit.columns


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_how_to_pay"),
        ("bids", "0009_receipts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="JournalEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("said", "said"),
                            ("marked", "marked as paid"),
                            ("confirmed", "confirmed"),
                            ("corrected", "confirmed with another amount"),
                            ("refused", "not arrived"),
                            ("undone", "answer undone"),
                            ("taken_back", "taken back"),
                            ("reminded", "reminded"),
                        ],
                        max_length=10,
                    ),
                ),
                ("amount", bulq.kit.columns.AmountColumn(decimal_places=2, max_digits=9)),
                ("note", models.CharField(blank=True, max_length=100)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "journal entry",
                "verbose_name_plural": "journal entries",
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", bulq.kit.columns.AmountColumn(decimal_places=2, max_digits=9)),
                ("day", models.DateField(default=django.utils.timezone.localdate)),
                ("said_amount", bulq.kit.columns.AmountColumn(decimal_places=2, max_digits=9)),
                ("note", models.CharField(blank=True, max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("said", "On its way"),
                            ("confirmed", "It arrived"),
                            ("refused", "Not arrived"),
                            ("taken_back", "Taken back"),
                        ],
                        max_length=10,
                    ),
                ),
                ("is_mark", models.BooleanField(db_default=False, default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
            },
        ),
        migrations.CreateModel(
            name="PaymentPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", bulq.kit.columns.AmountColumn(decimal_places=2, max_digits=9)),
            ],
            options={
                "verbose_name": "part of a payment",
                "verbose_name_plural": "parts of payments",
            },
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notification_is_of_event_or_removal",
        ),
        migrations.AddField(
            model_name="journalentry",
            name="actor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="journal", to="accounts.group"
            ),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="subject",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="entry",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notifications",
                to="bids.journalentry",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("user", "entry"), name="notified_once_of_entry"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("actor", None), ("entry", None), ("event__isnull", False), ("group", None)),
                    models.Q(("actor", None), ("entry__isnull", False), ("event", None), ("group", None)),
                    models.Q(("actor__isnull", False), ("entry", None), ("event", None), ("group__isnull", False)),
                    _connector="OR",
                ),
                name="notification_is_of_one_thing",
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="accounts.group"
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="receiver",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payments_received",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="sender",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="payments_sent", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="payment",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="bids.payment"
            ),
        ),
        migrations.AddField(
            model_name="paymentpart",
            name="participation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="payment_parts", to="bids.participation"
            ),
        ),
        migrations.AddField(
            model_name="paymentpart",
            name="payment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="bids.payment"
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["sender", "-id"], name="payment_of_sender"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["receiver", "-id"], name="payment_of_receiver"),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", 0), ("amount__lte", Decimal("9999999.99"))),
                name="payment_amount_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("said_amount__gte", 0), ("said_amount__lte", Decimal("9999999.99"))),
                name="payment_said_amount_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("sender", models.F("receiver")), _negated=True), name="payment_to_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["said", "confirmed", "refused", "taken_back"])),
                name="payment_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_mark", False), ("state__in", ["confirmed", "taken_back"]), _connector="OR"),
                name="payment_mark_is_confirmed",
            ),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                condition=models.Q(("kind", "reminded")), fields=["actor", "subject", "-at"], name="reminded_debtor"
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", 0), ("amount__lte", Decimal("9999999.99"))),
                name="journal_entry_amount_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "reminded"), ("payment", None)),
                    models.Q(("payment__isnull", False), models.Q(("kind", "reminded"), _negated=True)),
                    _connector="OR",
                ),
                name="journal_entry_of_payment_or_reminder",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentpart",
            constraint=models.UniqueConstraint(fields=("payment", "participation"), name="one_payment_part"),
        ),
        migrations.AddConstraint(
            model_name="paymentpart",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", Decimal("-9999999.99")), ("amount__lte", Decimal("9999999.99"))),
                name="payment_part_amount_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentpart",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount", 0), _negated=True), name="payment_part_amount_not_zero"
            ),
        ),
    ]
