"""Categories of products: a short list that site admins edit."""

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

# The category with the longest word that begins one of the name.
GUESS = r"""
SELECT category.id
FROM stores_category category, regexp_split_to_table(category.words, '[,\s]+') AS word, bulq_fold(word) AS key
WHERE key <> '' AND strpos(bulq_words(%(name)s), ' ' || key) > 0
ORDER BY length(key) DESC, category.position, category.id LIMIT 1
"""


class Category(models.Model):
    """Of a product, guessed from its name by `words` when it is added."""

    class Symbol(models.TextChoices):
        APPLE = "apple", _("Apple")
        BREAD = "bread", _("Bread")
        MILK = "milk", _("Milk")
        FISH = "fish", _("Fish")
        WHEAT = "wheat", _("Wheat")
        DROP = "drop", _("Drop")
        NUT = "nut", _("Nut")
        TIN = "tin", _("Tin")
        SWEET = "sweet", _("Sweet")
        CUP = "cup", _("Cup")
        BOTTLE = "bottle", _("Bottle")
        HOUSE = "home", _("House")
        HEART = "heart", _("Heart")
        BAG = "bag", _("Bag")

    name = models.CharField(_("name"), max_length=50, unique=True)
    symbol = models.CharField(_("icon"), max_length=10, choices=Symbol, default=Symbol.BAG)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    words = models.TextField(
        _("words"), blank=True, help_text=_("Beginnings of words in the names of products, separated by blanks")
    )

    class Meta:
        ordering = ("position", "name")
        verbose_name_plural = _("categories")

    def __str__(self):
        return self.name


def guess_category(name):
    """The id of the category that fits the name of a product, or None."""
    with connection.cursor() as cursor:
        cursor.execute(GUESS, {"name": name})
        return next((pk for (pk,) in cursor.fetchall()), None)
