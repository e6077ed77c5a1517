"""Nothing reads it: the newest event tells how far a run is. The column stays for the release before this one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bids", "0003_number_of_run")]

    operations = [
        migrations.AlterField("run", "version", models.PositiveIntegerField(default=0, db_default=0)),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("run", "version")]),
    ]
