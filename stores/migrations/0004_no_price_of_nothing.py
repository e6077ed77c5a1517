import uuid

from django.db import migrations, models
from django.utils import timezone


def withdraw(apps, _schema_editor):
    """What was logged as free does not count as a price any more; what lists have kept of it is asked for anew."""
    Price, Store = apps.get_model("stores", "Price"), apps.get_model("stores", "Store")
    free = Price.objects.filter(amount=0, withdrawn_at=None)
    Store.objects.filter(offers__prices__in=free).update(generation=uuid.uuid4())
    free.update(withdrawn_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("stores", "0003_generations")]

    operations = [
        migrations.RunPython(withdraw, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("withdrawn_at__isnull", False), _connector="OR"),
                name="price_of_nothing_is_withdrawn",
            ),
        ),
    ]
