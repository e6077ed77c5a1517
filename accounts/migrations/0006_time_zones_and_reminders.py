"""Time zones of groups, the switches for reminders, and addresses of calendars."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_words_of_the_admin"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="sends_reminders",
            field=models.BooleanField(db_default=True, default=True, verbose_name="sends reminders"),
        ),
        migrations.AddField(
            model_name="group",
            name="timezone",
            field=models.CharField(blank=True, db_default="", default="", max_length=64, verbose_name="time zone"),
        ),
        migrations.AddField(
            model_name="user",
            name="calendar_token",
            field=models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="user",
            name="wants_reminders",
            field=models.BooleanField(db_default=True, default=True, verbose_name="reminders"),
        ),
    ]
