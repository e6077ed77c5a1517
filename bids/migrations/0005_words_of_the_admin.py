"""The admin names these tables in the words of the site."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("bids", "0004_run_version"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="allocation",
            options={"verbose_name": "share of a line", "verbose_name_plural": "shares of lines"},
        ),
        migrations.AlterModelOptions(
            name="bid",
            options={"verbose_name": "order", "verbose_name_plural": "orders"},
        ),
        migrations.AlterModelOptions(
            name="event",
            options={"verbose_name": "history entry", "verbose_name_plural": "history entries"},
        ),
        migrations.AlterModelOptions(
            name="participation",
            options={"verbose_name": "part in a run", "verbose_name_plural": "parts in runs"},
        ),
        migrations.AlterModelOptions(
            name="shoppingitem",
            options={"verbose_name": "shopping line", "verbose_name_plural": "shopping lines"},
        ),
    ]
