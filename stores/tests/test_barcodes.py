"""Bar codes and categories in forms: sentences at the field, one product of a code, guessed categories (98, 99)."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.tests.racing import race
from stores.actions.catalogue import create_product
from stores.models import Category, Product
from stores.validators import barcode_in, read_barcode, shown_barcode

from .factories import make_product

pytestmark = pytest.mark.django_db
NEW = {"name": "Olive oil", "unit": "bottle"}


@pytest.mark.parametrize(
    ("typed", "stored", "shown"),
    [
        ("4006381333931", "04006381333931", "4006381333931"),
        (" 4 006381-333931 ", "04006381333931", "4006381333931"),
        ("４００６３８１３３３９３１", "04006381333931", "4006381333931"),
        ("036000291452", "00036000291452", "0036000291452"),
        ("0036000291452", "00036000291452", "0036000291452"),
        ("96385074", "00000096385074", "96385074"),
        ("10012345000017", "10012345000017", "10012345000017"),
    ],
)
def test_a_code_is_stored_with_fourteen_digits_however_it_is_typed(typed, stored, shown):
    assert read_barcode(typed) == barcode_in(typed) == stored
    assert shown_barcode(stored) == shown
    assert read_barcode(shown) == stored


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("4006381333932", "last digit does not fit"),
        ("400638133393", "last digit does not fit"),
        ("1234567", "8, 12, 13 or 14 digits"),
        ("123456789012345", "8, 12, 13 or 14 digits"),
        ("40063813x3931", "8, 12, 13 or 14 digits"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "8, 12, 13 or 14 digits"),
        ("00000000", "more than zeros"),
        ("00000000000000", "more than zeros"),
        ("2012345678903", "one weighed piece"),
        ("0212345678909", "one weighed piece"),
    ],
)
def test_anything_else_is_refused_with_a_sentence_at_the_field(as_alice, typed, sentence):
    with pytest.raises(ValidationError, match=sentence):
        read_barcode(typed)
    assert barcode_in(typed) is None
    answer = as_alice.post("/products/new/", NEW | {"barcode": typed})
    assert answer.status_code == 422
    assert sentence in answer.context["form"].errors["barcode"][0]
    assert typed in answer.content.decode()
    assert not Product.objects.exists()


def test_every_wrong_digit_and_most_swaps_are_noticed():
    right = "4006381333931"
    for place in range(len(right)):
        for digit in set("0123456789") - {right[place]}:
            assert barcode_in(right[:place] + digit + right[place + 1 :]) is None


def test_two_products_cannot_have_one_code_not_even_at_once(as_alice, alice, oil):
    oil.refresh_from_db()
    as_alice.post(f"/products/{oil.pk}/edit/", {**NEW, "barcode": "0036000291452", "seen": oil.shown_digest})
    oil.refresh_from_db()
    assert oil.barcode == "00036000291452"
    answer = as_alice.post("/products/new/", {"name": "Vinegar", "unit": "L", "barcode": "036000291452"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["barcode"] == ["Another product already has this bar code"]
    assert make_product(barcode=None).barcode is make_product(barcode=None).barcode is None
    for wrong in ("", "36000291452", "0003600029145x"):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_product(barcode=wrong)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_is_refused():
    new = {"by": None, "unit": "L", "kind": "divisible", "step": 1, "barcode": "04006381333931"}
    results = race(lambda: create_product(name="Oil", **new), lambda: create_product(name="Vinegar", **new))
    assert Product.objects.count() == 1
    assert sorted(type(result).__name__ for result in results) == ["BulqError", "Product"]


def test_the_category_is_guessed_when_a_product_is_added_and_can_be_chosen(categories, as_alice):
    as_alice.post("/products/new/", {"name": "Suncokretovo ulje", "unit": "L"})
    assert str(Product.objects.get().category) == "Oil, vinegar and spices"
    drinks = Category.objects.get(name="Drinks")
    as_alice.post("/products/new/", {"name": "Oil soda", "unit": "L", "category": drinks.pk})
    soda = Product.objects.get(name="Oil soda")
    assert soda.category == drinks
    as_alice.post(f"/products/{soda.pk}/edit/", {"name": "Oil soda", "unit": "L", "seen": soda.shown_digest})
    soda.refresh_from_db()
    assert soda.category is None
    answer = as_alice.post("/products/new/", {"name": "Tonic", "unit": "L", "category": "x"})
    assert answer.context["form"].errors["category"] == ["Choose a category from the list"]


def test_a_category_that_goes_leaves_its_products(as_alice):
    category = Category.objects.create(name="Green")
    product = make_product("Basil", category=category)
    assert "Green" in as_alice.get(f"/products/{product.pk}/").content.decode()
    category.delete()
    product.refresh_from_db()
    assert product.category is None
