"""When runs close; reminders; and how often the entries of calendars have changed."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bids", "0007_again"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("day", "day"), ("closing", "closing time")], max_length=7)),
                ("sequence", models.PositiveIntegerField(default=0)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "calendar entry",
                "verbose_name_plural": "calendar entries",
            },
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("24h", "24 hours before"), ("3h", "3 hours before"), ("hand", "by the leader")],
                        max_length=4,
                    ),
                ),
                ("about", models.DateTimeField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("tried_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("is_mailed", models.BooleanField(default=False)),
                ("is_about_packs", models.BooleanField(default=False)),
            ],
            options={
                "verbose_name": "reminder",
                "verbose_name_plural": "reminders",
            },
        ),
        migrations.AddField(
            model_name="run",
            name="closes_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="closes at"),
        ),
        migrations.AddField(
            model_name="run",
            name="closing_handled_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="closing_set_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="locks_itself",
            field=models.BooleanField(db_default=True, default=True, verbose_name="locks by itself"),
        ),
        migrations.AddField(
            model_name="run",
            name="reminded_hours",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="reminders_about",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("closes_at__isnull", False), ("state__in", ["planning", "active"])),
                fields=["closes_at"],
                name="run_closing",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closes_at", None), ("closing_handled_at", None), ("closing_set_at", None)),
                    models.Q(
                        ("closes_at__isnull", False),
                        ("closing_set_at__isnull", False),
                        ("reminders_about__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="run_closing_whole",
            ),
        ),
        migrations.AddField(
            model_name="calendarentry",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="calendar_entries", to="bids.run"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reminders", to="bids.run"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reminders", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="calendarentry",
            constraint=models.UniqueConstraint(fields=("run", "kind"), name="one_calendar_entry"),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(
                condition=models.Q(("is_mailed", True), ("sent_at", None)), fields=["at"], name="reminder_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.UniqueConstraint(fields=("run", "user", "kind", "about"), name="reminded_once"),
        ),
    ]
