from django.db import migrations, models

# Runs of one name are numbered in the order in which they were started.
NUMBER = """
UPDATE bids_run SET number = counted.number
FROM (SELECT id, row_number() OVER (PARTITION BY group_id, store_id, day ORDER BY id) AS number FROM bids_run) counted
WHERE counted.id = bids_run.id AND counted.number > 1
"""


class Migration(migrations.Migration):
    dependencies = [("bids", "0002_notifications")]

    operations = [
        migrations.AddField("run", "number", models.PositiveSmallIntegerField(default=1)),
        migrations.RunSQL(NUMBER, migrations.RunSQL.noop),
        migrations.AlterField(
            "run",
            "state",
            models.CharField(
                choices=[
                    ("planning", "Collecting"),
                    ("active", "Collecting"),
                    ("confirmed", "Locked"),
                    ("shopping", "Shopping"),
                    ("adjusting", "Sort out"),
                    ("distributing", "Hand-out"),
                    ("completed", "Handed out"),
                    ("cancelled", "Called off"),
                ],
                default="planning",
                max_length=12,
            ),
        ),
    ]
