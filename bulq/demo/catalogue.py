"""A real-looking catalogue: made-up brands, ordinary prices.

A line is: product | brand | unit | step | one `pack@price` for each of the three stores (`-` where not sold). The
price is for the pack, in euros; `pack` 0 means sold singly.
"""

PASSWORD = "bulk buying"  # noqa: S105 - of everyone in the demo, printed for all to read
# Invented, with the right check digits: what some say about how to pay them.
HOW_TO_PAY = {
    "mara": ("AT611904300234573201", "Cash is fine, too"),
    "dragan": ("265000000123456757", ""),
    "jon": ("", "Cash, please"),
}
STORES = (
    ("Grossmarkt Nord", "Grossmarkt", "Nordring 12"),
    ("Kaufhof Süd", "", "Südallee 3"),
    ("Пијаца Бајлони", "", ""),
)

# Some products have other names, or a bar code (invented, with the right last digit).
ALIASES = {"Risotto rice": ("Arborio",), "Basmati rice": ("Dugi pirinač",), "Sugar": ("Šećer",)}
BARCODES = {"Olive oil, extra virgin": "09004567012347", "Dark chocolate": "04006381333931"}

LINES = """
Olive oil, extra virgin|Casa Verde|L|1|6@44.40|6@51.00|-
Sunflower oil|Sonnblick|L|1|12@22.80|10@21.50|6@12.60
Peeled tomatoes|Pomodoro|box|1|6@18.60|6@21.90|-
Passata|Pomodoro|bottle|1|12@14.40|6@8.10|6@8.40
Penne rigate|Grano|pack|1|12@19.80|20@35.00|-
Spaghetti|Grano|pack|1|12@18.60|20@33.00|10@18.00
Basmati rice|Himal|kg|0.5|10@21.00|5@12.50|-
Risotto rice|Grano|kg|0.5|5@14.50|5@15.90|-
Bread flour, type 550|Mühle Hans|kg|0.5|25@15.50|10@7.90|25@14.00
Rye flour|Mühle Hans|kg|0.5|25@17.50|-|-
Oat flakes|Haferland|kg|0.5|10@13.90|5@8.20|-
Couscous|Atlas|kg|0.5|5@11.20|-|5@10.50
Red lentils|Atlas|kg|0.5|5@12.00|5@13.40|5@11.50
Chickpeas, dried|Atlas|kg|0.5|5@12.00|5@13.00|5@11.00
White beans|Atlas|kg|0.5|5@11.50|-|5@9.90
Sugar|Rübe|kg|1|10@9.80|10@10.40|10@9.50
Cane sugar|Rübe|kg|0.5|5@10.50|-|-
Sea salt, coarse|Meersal|kg|0.5|5@4.50|5@4.90|-
Black peppercorns|Malabar|g|50|1000@16.80|500@9.20|-
Paprika, sweet|Szegedi|g|50|1000@14.20|-|500@6.10
Cinnamon, ground|Malabar|g|50|500@7.60|-|-
Almonds, whole|Nussbaum|kg|0.5|2@19.60|2@22.40|-
Walnuts, shelled|Nussbaum|kg|0.5|2@18.20|-|2@15.00
Hazelnuts|Nussbaum|kg|0.5|2@21.40|2@23.80|-
Raisins|Nussbaum|kg|0.5|5@16.50|-|5@14.80
Dried apricots|Nussbaum|kg|0.5|2@14.90|2@16.20|2@12.80
Gouda, aged 12 months|Käserei Lind|kg|0.5|4.5@36.90|-|-
Parmesan|Latteria|kg|0.5|4@62.00|4@66.50|-
Feta|Elas|kg|0.5|4@31.60|2@17.80|4@26.00
Butter|Almglück|piece|1|20@41.00|10@22.90|-
Cream|Almglück|bottle|1|12@20.40|-|-
Eggs, free range|Hof Wiese|piece|10|30@8.70|30@9.60|30@7.50
Coffee beans|Kaffeerad|pack|1|8@95.20|6@78.00|-
Espresso, ground|Kaffeerad|pack|1|12@54.00|-|12@49.20
Black tea|Assam House|pack|1|12@34.80|6@19.20|-
Cocoa powder|Choco|kg|0.5|2@15.40|-|-
Dark chocolate|Choco|piece|1|24@36.00|20@33.00|-
Honey|Imkerei Roth|bottle|1|6@35.40|-|6@30.00
Plum jam|Baka Mila|bottle|1|6@17.70|-|6@15.60
Apple juice|Obsthof|bottle|1|6@10.80|6@11.70|-
Mineral water|Quell|bottle|1|12@7.20|6@4.20|6@3.90
Red wine|Weingut Ost|bottle|1|6@35.70|6@39.90|-
Beer|Brauhaus|bottle|1|20@17.80|20@18.90|20@16.50
Potatoes|Feldhof|kg|1|25@17.50|10@8.90|20@11.00
Onions|Feldhof|kg|1|10@8.90|5@5.20|10@7.00
Carrots|Feldhof|kg|1|10@8.40|5@4.90|10@6.80
Garlic|Feldhof|kg|0.5|5@22.50|-|5@18.00
Apples|Obsthof|kg|1|13@19.50|5@9.40|10@11.00
Oranges|Soleado|kg|1|10@15.90|10@17.20|-
Lemons|Soleado|kg|0.5|5@11.90|5@12.80|-
Bananas|Tropica|kg|1|18@25.20|-|-
Toilet paper, 3-ply|Flausch|pack|1|0@6.90|0@7.40|0@6.50
Kitchen rolls|Flausch|pack|1|4@11.60|-|-
Dishwasher tabs|Blank|box|1|4@50.00|4@54.80|-
Laundry liquid|Blank|L|5|10@28.40|5@16.90|-
Soap bars|Seife & Co|piece|1|12@15.60|-|12@12.00
Baking paper|Küche|pack|1|6@13.80|-|-
Freezer bags|Küche|box|1|10@17.00|5@9.50|-
Candles|Licht|pack|1|10@24.00|-|-
Dog food|Wau|kg|1|15@38.70|15@41.20|-
Cat litter|Mietz|kg|5|20@17.80|-|20@15.50
Чај од нане|Биљка|pack|1|-|-|12@18.00
Ајвар|Бака Мила|bottle|1|-|6@31.20|6@27.00
Мед багремов|Пчела|bottle|1|-|-|6@33.00
Пшенично брашно|Житопек|kg|1|-|-|25@16.50
Кајмак|Сјеница|kg|0.5|-|-|3@27.00
"""

GROUPS = (
    ("Thursday Club", "mara jon ana lea tomas vera"),
    ("House 14", "mara nadja petar ines karl lin omar rosa"),
    ("Комшилук", "dragan milica jovan sanja vuk jelena jon"),
)
PEOPLE = {
    "mara": "Mara Klein", "jon": "Jon Berg", "ana": "Ana Petrović", "lea": "Lea Sommer", "tomas": "Tomas Novák",
    "vera": "Vera Dietz", "nadja": "Nadja Wolf", "petar": "Petar Kostić", "ines": "Inês Duarte", "karl": "Karl Öst",
    "lin": "Lin Chen", "omar": "Omar Haddad", "rosa": "Rosa Vidal", "dragan": "Драган Илић", "milica": "Милица Јовић",
    "jovan": "Јован Ристић", "sanja": "Сања Пешић", "vuk": "Вук Марић", "jelena": "Јелена Симић", "noah": "Noah Frey",
}  # fmt: skip
