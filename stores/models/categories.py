"""Categories of products: a short list that site admins edit."""

from django.db import connection, models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# For each name the category with the longest word that begins one of the name.
GUESS = r"""
WITH word AS MATERIALIZED (
    SELECT category.id, category.position, bulq_fold(word) AS key
    FROM stores_category category, regexp_split_to_table(category.words, '[,\s]+') AS word
), product AS MATERIALIZED (
    SELECT place, bulq_words(name) AS words FROM unnest(%(names)s::text[]) WITH ORDINALITY AS product (name, place)
)
SELECT DISTINCT ON (place) place, word.id
FROM product LEFT JOIN word ON key <> '' AND strpos(words, ' ' || key) > 0
ORDER BY place, length(key) DESC, position, word.id
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

    name = models.CharField(pgettext_lazy("thing", "name"), max_length=50, unique=True)
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
    return guess_categories([name])[0]


def guess_categories(names):
    """The same for each of the names."""
    with connection.cursor() as cursor:
        cursor.execute(GUESS, {"names": list(names)})
        return [category for _place, category in cursor.fetchall()]
