from django.db import migrations

# Name, symbol, and beginnings of words in English, German and Serbian (which are compared without diacritics, in
# Latin letters). Admins edit the list in the admin.
CATEGORIES = (
    (
        "Fruit and vegetables",
        "apple",
        "apple pear plum cherr banana orange lemon lime grape berr strawberr raspberr blueberr melon peach apricot fig "
        "mango kiwi potato onion garlic carrot tomato cucumber pepper zucchini courgette eggplant aubergine cabbage "
        "lettuce salad spinach broccoli cauliflower leek celery beet beetroot radish pumpkin mushroom avocado ginger "
        "herb parsley basil asparagus apfel apfel birne pflaume kirsche zitrone traube kartoffel zwiebel knoblauch "
        "karotte gurke paprika kohl salat spinat lauch pilz jabuk krusk sljiv tresnj banan pomorandz limun grozd "
        "malin jagod borovnic lubenic breskv kajsij krompir luk sargarep mrkv paradajz krastav tikvic kupus spanac "
        "pecurk celer cvekl bundev",
    ),
    (
        "Bread and pastry",
        "bread",
        "bread roll bun bagel toast baguette croissant cake pastry biscuit cookie cracker brot semmel kuchen gebäck "
        "keks hleb hljeb kifl kolac keks kreker",
    ),
    (
        "Milk, cheese and eggs",
        "milk",
        "milk cheese butter cream yogurt yoghurt kefir curd quark feta gouda parmesan mozzarella cheddar egg milch "
        "käse sahne joghurt topfen eier mlek mlijek sir puter maslac pavlak jogurt kajmak jaj",
    ),
    (
        "Meat and fish",
        "fish",
        "meat beef pork chicken turkey lamb ham bacon salami sausage fish salmon tuna trout cod herring shrimp "
        "fleisch rind schwein huhn hähnchen pute schinken wurst fisch lachs thunfisch mes govedin svinj svinet pilet "
        "curet junet jagnjet sunk slanin kobasic rib losos tunjevin",
    ),
    (
        "Grain, pasta and beans",
        "wheat",
        "rice flour pasta penne spaghetti macaroni noodle couscous bulgur quinoa oat muesli cornflake semolina polenta "
        "lentil bean chickpea pea barley buckwheat millet reis mehl nudel hafer müsli grieß linse bohne kichererbse "
        "erbse pirin brasn testenin makaron spaget zobi ovas griz palent sociv pasulj leblebij grasak jecam heljd pros",
    ),
    (
        "Oil, vinegar and spices",
        "drop",
        "oil vinegar salt pepper peppercorn paprika cinnamon cumin curry oregano thyme spice mustard ketchup "
        "mayonnaise sauce soy peppercorns black öl essig salz pfeffer zimt kümmel gewürz senf ulj sircet biber cimet "
        "zacin senf majonez",
    ),
    (
        "Nuts, seeds and dried fruit",
        "nut",
        "almond walnut hazelnut cashew peanut pistachio nut seed raisin dried date sultana sesame sunflowerseed "
        "mandel walnuss haselnuss erdnuss rosine badem orah lesnik kikirik pistac semenk suv grozdj urm susam",
    ),
    (
        "Jars and tins",
        "tin",
        "peeled passata canned tinned pickle olives jam honey marmalade ajvar compote konserve marmelade honig eingelegt "
        "pelat konzerv kiseli krastavci maslin dzem med pekmez slatk",
    ),
    (
        "Sweets and snacks",
        "sweet",
        "chocolate candy sweet sugar chip crisp popcorn gum nougat wafer schokolade zucker bonbon cokolad bombon secer "
        "cips kokic napolitank vafl",
    ),
    (
        "Coffee and tea",
        "cup",
        "coffee espresso tea cocoa kaffee tee kakao kaf caj",
    ),
    (
        "Drinks",
        "bottle",
        "water juice wine beer cider lemonade syrup soda cola wasser saft wein bier sirup vod sok vin piv rakij limunad",
    ),
    (
        "Household",
        "home",
        "detergent washing dishwasher cleaner sponge paper towel bag foil candle battery waschmittel spülmittel "
        "reiniger schwamm papier müllbeutel folie kerze deterdzent prasak sredstv sundjer papir kese foli svec bateri",
    ),
    (
        "Body care",
        "heart",
        "soap shampoo toothpaste toothbrush shower lotion diaper nappy deodorant tissue seife zahnpasta dusche windel "
        "sapun sampon kaladont pelen dezodorans maramic",
    ),
)


def seed(apps, _schema_editor):
    categories = [
        {"name": name, "symbol": symbol, "position": position, "words": words}
        for position, (name, symbol, words) in enumerate(CATEGORIES, 1)
    ]
    model = apps.get_model("stores", "Category")
    model.objects.bulk_create((model(**category) for category in categories), ignore_conflicts=True)


# The same rule as for new products (stores/models/categories.py).
GUESS = r"""
WITH word AS MATERIALIZED (
    SELECT category.id, category.position, ' ' || bulq_fold(word) AS key
    FROM stores_category category, regexp_split_to_table(category.words, '[,\s]+') AS word
    WHERE bulq_fold(word) <> ''
)
UPDATE stores_product product SET category_id = (
    SELECT id FROM word WHERE strpos(product.search_text, key) > 0 ORDER BY length(key) DESC, position, id LIMIT 1
)
"""


class Migration(migrations.Migration):
    dependencies = [("stores", "0007_categories_aliases_barcodes")]
    operations = [
        migrations.RunPython(seed, migrations.RunPython.noop),
        migrations.RunSQL(GUESS, migrations.RunSQL.noop),
    ]
