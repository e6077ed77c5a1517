import django.core.validators
import django.db.models.deletion
from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

import stores.models

SYMBOLS = [
    *[("apple", "Apple"), ("bread", "Bread"), ("milk", "Milk"), ("fish", "Fish"), ("wheat", "Wheat"), ("drop", "Drop")],
    *[("nut", "Nut"), ("tin", "Tin"), ("sweet", "Sweet"), ("cup", "Cup"), ("bottle", "Bottle"), ("home", "House")],
    *[("heart", "Heart"), ("bag", "Bag")],
]


class Migration(migrations.Migration):
    dependencies = [("stores", "0006_found_by_the_beginning_of_words")]
    operations = [
        migrations.CreateModel(
            "Category",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=50, unique=True, verbose_name="name")),
                ("symbol", models.CharField(choices=SYMBOLS, default="bag", max_length=10, verbose_name="icon")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "words",
                    models.TextField(
                        blank=True,
                        help_text="Beginnings of words in the names of products, separated by blanks",
                        verbose_name="words",
                    ),
                ),
            ],
            {"ordering": ("position", "name"), "verbose_name_plural": "categories"},
        ),
        migrations.CreateModel(
            "ProductAlias",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        max_length=100,
                        validators=[django.core.validators.MinLengthValidator(2)],
                        verbose_name="name",
                    ),
                ),
                (
                    "key",
                    models.GeneratedField(
                        db_persist=True, expression=stores.models.Words("name"), output_field=models.TextField()
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="stores.product"
                    ),
                ),
            ],
            {"verbose_name": "other name", "verbose_name_plural": "other names"},
        ),
        migrations.AddIndex(
            "productalias",
            GinIndex(fields=["key"], name="product_alias_search", opclasses=["gin_trgm_ops"], fastupdate=False),
        ),
        migrations.AddConstraint(
            "productalias", models.UniqueConstraint(fields=("product", "key"), name="one_alias_of_a_name")
        ),
        migrations.AddField(
            "product", "barcode", models.CharField(blank=True, max_length=14, null=True, verbose_name="bar code")
        ),
        migrations.AddField(
            "product",
            "category",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="products",
                to="stores.category",
                verbose_name="category",
            ),
        ),
        migrations.AddConstraint(
            "product", models.UniqueConstraint(fields=("barcode",), name="one_product_of_a_barcode")
        ),
        migrations.AddConstraint(
            "product",
            models.CheckConstraint(
                condition=models.Q(("barcode__regex", "^[0-9]{14}$")), name="product_barcode_of_14_digits"
            ),
        ),
    ]
