"""S5, S6: what people type, and what their browsers send, comes back as text and leads nowhere else."""

import inspect
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django import forms
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.db import models
from django.urls import reverse
from django.utils.html import escape

import accounts.forms
import bids.forms
import stores.forms
from accounts.forms import PasswordField
from accounts.models import User
from accounts.tests.factories import PASSWORD
from bids import states
from bids.actions.mail import mail_digests
from bids.models import Event, Notification
from bids.reading.money import net_between
from bids.tests.stages import stage
from bulq.kit.numbers import NumberField
from bulq.tests.client import FormClient, signed_in
from stores.models import Category, Offer, Price, Product, ProductAlias, ReferencePrice
from stores.tests.factories import make_product, make_store

from .test_access_matrix import (
    OF_ADMIN,
    PUBLIC,
    RULES,
    SITE,
    admin_parameters,
    make_world,
    payment_to_alice,
    undone,
    url_of,
)

pytestmark = pytest.mark.django_db
MARKUP = {
    "element": '"></title></textarea></select></script>--><b-hit onload=hit()>',
    "attribute": '\' " onfocus=hit() autofocus x="',
    "address": "javascript:hit()//<a href=javascript:hit()>{{7|add:7}}<!--hit",
}
CONTROLS = ("a\x00b", "ab\r\nSet-Cookie: evil=1", "\u202eab", "ab\u2028cd", "ab\x1b[31m")
EVIL = (
    "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "http:///evil.example", "http:evil.example", "https:evil.example", "javascript:hit()", "/\t/evil.example",
    "\x00//evil.example", " //evil.example", "https://testserver@evil.example/", "/\r\nLocation: //evil.example",
)  # fmt: skip
LEADING_ON = {"href", "src", "action", "formaction", "hx-get", "hx-post", "data", "poster", "xlink:href"}


class Page(HTMLParser):
    """A page as a browser reads it: its texts, and markup that came to life or leads away."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.texts, self.problems = [], []
        self.feed(text)
        self.close()
        self.text = "\n".join(self.texts)

    def handle_starttag(self, tag, attrs):
        if "hit" in tag or (tag == "script" and "src" not in dict(attrs)):
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            text = value or ""
            self.texts.append(text)
            target = re.sub(r"[\x00-\x20]", "", text).lower()
            is_alive = name.startswith(("on", "hx-on", "style", "srcdoc")) or "hit" in name
            is_alive |= name in LEADING_ON and target.startswith(("javascript:", "vbscript:", "data:text"))
            if is_alive or (name in LEADING_ON and leads_away(text)):
                self.problems.append(f"<{tag} {name}={text}>")

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        if "hit" in data:
            self.problems.append(f"<!--{data}-->")


def leads_away(url):
    """Whether a browser on one of our pages would go elsewhere."""
    url = re.sub(r"[\t\r\n]", "", url).strip("\x00 ").replace("\\", "/")
    url = re.sub("^/{2,}", "//", url)
    parts = urlsplit(url)
    return bool(parts.netloc or parts.scheme) and (parts.scheme or "http", parts.netloc) != ("http", "testserver")


def problems_of(answer):
    """What is wrong with an answer of any kind."""
    found = [f"status {answer.status_code}"] if answer.status_code >= 500 else []
    found += [f"header {name}" for name, value in answer.items() if {"\r", "\n", "\x00"} & set(value)]
    found += ["cookie"] if "evil" in answer.cookies else []
    if answer.status_code in (301, 302) and leads_away(answer["Location"]):
        found.append(f"leads to {answer['Location']!r}")
    return found + (Page(answer.text).problems if answer.get("Content-Type", "").startswith("text/html") else [])


def test_live_markup_is_detected():
    for text in MARKUP.values():
        assert Page(f'<p title="{text}">{text}</p>').problems
        assert not Page(f'<p title="{escape(text)}">{escape(text)}</p>').problems
    assert all(leads_away(url) for url in EVIL[:-1])


# --- What is typed in forms -----------------------------------------------------------------------------------------
PROFILE = {"name": "Alice", "username": "alice-2", "email": "a@example.org", "current_password": PASSWORD}
PRODUCT = {"name": "Olives", "brand": "Own", "unit": "other", "other_unit": "jar", "barcode": "", "note": "aisle 4"}
STORE = {"name": "Corner", "chain": "", "address": "", "currency": "EUR"}
NEWCOMER = {"name": "Eva", "username": "eva", "password": PASSWORD, "password_again": PASSWORD}
# form: who sends it, where to, with what. Parts of an address and some values are names of what `send` knows.
TYPED = {
    accounts.forms.RegistrationForm: (None, "register", [], NEWCOMER | {"email": "", "join": ""}),
    accounts.forms.LoginForm: (None, "login", [], {"username": "eva", "password": PASSWORD}),
    accounts.forms.ResetRequestForm: (None, "password_reset", [], {"email": "a@example.org"}),
    accounts.forms.ProfileForm: ("alice", "settings-profile", [], PROFILE),
    accounts.forms.HowToPayForm: ("alice", "settings-pay", [], {"account": "DE89 3704 0044 0532 0130 00", "bic": "",
                                  "current_password": PASSWORD,
                                  "text": "Cash is fine too"}),
    accounts.forms.GroupForm: ("alice", "group-new", [], {"name": "Oil run", "currency": "EUR", "timezone": "UTC"}),
    accounts.forms.GroupSettingsForm: ("alice", "group-settings", ["group"], {"name": "Oil run", "timezone": "UTC"}),
    accounts.forms.InviteLinkForm: ("alice", "invite-link", [], {"link": "x" * 32}),
    bids.forms.RunForm: ("alice", "run-new", ["group"], {"store": "store", "day": "", "note": "again"}),
    bids.forms.RunDetailsForm: ("alice", "run-edit", ["run"], {"day": "", "note": "later", "version": "|"}),
    bids.forms.ClosingForm: ("alice", "run-closing", ["run"], {"at_closing": "lock", "version": "|True|"}),
    bids.forms.WishForm: ("bob", "run-product", ["run", "oil"], {"quantity": "2", "comment": "red", "instead": "rape",
                          "was": "4", "had": "|less|"}),
    bids.forms.ExtraCostForm: ("bob", "extra-add", ["shop"], {"label": "Fuel", "amount": "2.00"}),
    bids.forms.ReceiptForm: ("bob", "receipt-add", ["shop"], {"label": "Till 4", "amount": "2.00"}),
    bids.forms.PaymentForm: ("bob", "money-paid", ["handed", "alice"], {"amount": "1", "note": "x", "owed": "owed"}),
    bids.forms.NotArrivedForm: ("alice", "payment-not-arrived", ["payment"], {"note": "not yet"}),
    bids.forms.PriceForm: ("bob", "item-price", ["shop", "item"], {"amount": "7.10", "quantity": "1", "note": ""}),
    stores.forms.StoreForm: ("alice", "store-new", [], STORE),
    stores.forms.NewProductForm: ("alice", "product-new", [], PRODUCT | {"store": "store name", "amount": "2.00"}),
    stores.forms.ProductForm: ("alice", "product-edit", ["mine"], PRODUCT | {"seen": "digest"}),
    stores.forms.OfferForm: ("alice", "offer-new", ["mine"], {"store": "store name", "amount": "2.00", "note": ""}),
    stores.forms.OfferDetailsForm: ("alice", "offer-edit", ["offer"], {"note": "x", "seen": "offer digest"}),
    stores.forms.ReferencePriceForm: ("alice", "product-elsewhere", ["oil"], {"amount": "2.00", "quantity": "1",
                                      "currency": "EUR", "shop": "Corner", "seen_on": "2026-11-02"}),
    stores.forms.PriceForm: ("alice", "price-new", ["offer"], {"amount": "2.00", "quantity": "1", "note": ""}),
}  # fmt: skip
PARTS_OF_FORMS = {stores.forms.OfferDetails, stores.forms.OfferFields, stores.forms.ProductFields}


def text_fields(form):
    texts = {name: field for name, field in form.base_fields.items() if isinstance(field, forms.CharField)}
    return [name for name, field in texts.items() if not isinstance(field, NumberField | PasswordField)]


def test_no_text_field_is_left_out():
    """S5: every new form with a text has to be listed above."""
    modules = (accounts.forms, bids.forms, stores.forms)
    known = {form for module in modules for _name, form in inspect.getmembers(module, inspect.isclass)}
    known = {form for form in known if issubclass(form, forms.BaseForm) and hasattr(form, "base_fields")}
    ours = {form for form in known if form.__module__.startswith(("accounts.", "bids.", "stores."))}
    assert {form for form in ours if text_fields(form)} - PARTS_OF_FORMS == set(TYPED)
    assert all(set(text_fields(form)) <= set(row[3]) for form, row in TYPED.items())


@pytest.fixture
def send(db):
    """`send(form, field, text)` sends the form filled in correctly, except for one field, and undoes it afterwards."""
    scene, shopping, handed = stage(states.ACTIVE), stage(states.SHOPPING), stage(states.DISTRIBUTING)
    User.objects.filter(pk=scene.alice.pk).update(password=make_password(PASSWORD))
    mine = make_product("Own olives", created_by=scene.alice)
    offer = Offer.objects.create(product=mine, store=make_store("Corner shop"))
    objects = {
        "group": scene.group,
        "run": scene.run,
        "oil": scene.oil,
        "shop": shopping.run,
        "item": shopping.item,
        "mine": mine,
        "handed": handed.group,
        "alice": handed.alice,
        "payment": payment_to_alice(scene),
    }
    ids = {name: thing.pk for name, thing in (objects | {"offer": offer}).items()}
    for stored in (scene.alice, mine, offer):
        stored.refresh_from_db()
    values = {"store": scene.store.pk, "store name": scene.store.name}
    values |= {"digest": mine.shown_digest, "offer digest": offer.shown_digest}
    values["owed"] = net_between(handed.bob, handed.alice, handed.group).owes
    clients = {None: FormClient(), "alice": signed_in(scene.alice)}
    bobs = {"run": signed_in(scene.bob), "shop": signed_in(shopping.bob), "handed": signed_in(handed.bob)}

    def send(form, field=None, text=None):
        who, name, parts, data = TYPED[form]
        client = bobs[parts[0]] if who == "bob" else clients[who]
        client.raise_request_exception = False
        filled = {key: values.get(value, value) for key, value in data.items()} | ({field: text} if field else {})
        with undone(client):
            answer = client.post(reverse(name, args=[ids[part] for part in parts]), filled)
            after = client.get(answer["Location"]) if answer.status_code == 302 and text in MARKUP.values() else None
        return answer, after

    return send


@pytest.mark.slow
def test_typed_text_comes_back_as_text(send):
    """S5: markup and control characters are refused, or stored and shown as typed; one line stays one line."""
    wrong = []
    for form in TYPED:
        good, _after = send(form)
        if good.status_code != (422 if form is accounts.forms.LoginForm else 302):
            wrong.append(f"{form.__name__} is not filled in well: {good.status_code}")
        for field in text_fields(form):
            is_a_line = not isinstance(form.base_fields[field].widget, forms.Textarea | forms.HiddenInput)
            for text in (*MARKUP.values(), *CONTROLS):
                answer, after = send(form, field, text)
                problems = problems_of(answer) + (problems_of(after) if after else [])
                if text in CONTROLS and is_a_line:
                    problems += ["taken"] if answer.status_code < 400 else []
                if text not in CONTROLS and answer.status_code == 422 and field != "join":
                    problems += [] if text in Page(answer.text).text else ["what was typed is gone"]
                wrong += [f"{form.__name__}.{field}, {text!r}: {problem}" for problem in problems]
    assert not wrong, "\n".join(wrong)


# --- What is stored, however it got there ---------------------------------------------------------------------------
# Every text that a person can have written; how a page shows it must not depend on what a form accepts.
WRITTEN = {
    "User": ["username", "name", "email"], "Group": ["name"], "Store": ["name", "chain", "address"],
    "Product": ["name", "brand", "unit"], "Offer": ["note"], "Price": ["note"], "Run": ["note"],
    "Bid": ["comment", "substitute_text"], "ExtraCost": ["label"], "Receipt": ["label"], "HowToPay": ["text"],
    "Payment": ["note"], "JournalEntry": ["note"],
    "Category": ["name"], "ProductAlias": ["name"], "CatalogueFile": ["name"], "CatalogueImport": ["error"],
    "ReferencePrice": ["shop"],
}  # fmt: skip
NOT_WRITTEN = {
    "ResetRequest.email", "Product.barcode", "Category.words", "Group.timezone", "CatalogueImport.encoding",
    "User.password", "Group.currency", "Store.currency", "Generation.name", "Event.kind", "SentForm.key",
    "BackupRun.key", "BackupRun.sha256", "BackupRun.error", "BackupRun.drill_error", "Told.channel", "Heartbeat.name",
    "HowToPay.account", "HowToPay.bic", "ReferencePrice.currency",
}  # fmt: skip
IN_ADMIN = {"CatalogueFile.name", "CatalogueImport.error"}  # shown there only
OURS = ("accounts", "stores", "bids", "bulq")
WORDS = ("name", "brand", "store", "show", "by", "next", "on", "join")
# By the longest text that a column accepts.
POLYGLOTS = {100: f"' onfocus=hit() x='{MARKUP['element']}", 50: "' onfocus=hit x='\"><b-hit>", 20: "'\"><b-hit>"}


MODELS = {model.__name__: model for label in OURS for model in apps.get_app_config(label).get_models()}


def test_no_stored_text_is_left_out():
    columns = {
        f"{name}.{field.name}"
        for name, model in MODELS.items()
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and field.editable and not field.choices and not field.generated
    }  # fmt: skip
    assert columns == {f"{name}.{field}" for name, fields in WRITTEN.items() for field in fields} | NOT_WRITTEN


def write_everywhere():
    """Write into every text of every row; returns what was written where."""
    written = {}
    for name, fields in WRITTEN.items():
        model = MODELS[name]
        for number, field in enumerate(fields):
            longest = model._meta.get_field(field).max_length or 100
            text = f"{POLYGLOTS[min(longest, 100)]}{name}{number}".lower()
            written[f"{name}.{field}"] = text
            for pk in model.objects.values_list("pk", flat=True):
                unique = f"{pk}" if (name, field) in {("User", "username"), ("Category", "name")} else ""
                model.objects.filter(pk=pk).update(**{field: text + unique})
    for event in Event.objects.all():
        data = {
            key: POLYGLOTS[100] if key in ("comment", "label", "instead") else value
            for key, value in event.data.items()
        }
        names = {key: [POLYGLOTS[100]] for key in ("still_choosing", "forced", "not_collected") if key in data}
        Event.objects.filter(pk=event.pk).update(data=data | names)
    return written


@pytest.mark.slow
def test_stored_text_is_shown_as_text_on_every_page():
    """S5: pages of every stage, fragments, sheets to print and the admin."""
    world = make_world()
    others = [stage(state) for state in (states.ACTIVE, states.SHOPPING, states.ADJUSTING, states.COMPLETED)]
    elsewhere = {"currency": "EUR", "amount": 9, "quantity": 1, "seen_on": "2026-11-02"}
    ReferencePrice.objects.bulk_create(ReferencePrice(product=row, **elsewhere) for row in Product.objects.all())
    Product.objects.update(category=Category.objects.create(name="Greens"))
    ProductAlias.objects.bulk_create(ProductAlias(product=product, name="Alias") for product in Product.objects.all())
    written, wrong, texts = write_everywhere(), [], []

    def look(client, url, *names):
        answer = client.get(url, dict.fromkeys(("q", *names), POLYGLOTS[100]))
        wrong.extend(f"{url}: {problem}" for problem in problems_of(answer))
        texts.append(Page(answer.text).text)

    clients = [(signed_in(scene.alice), {"run_id": scene.run.pk}) for scene in others]
    for address in [address for address in SITE if "GET" in RULES[address.name][1]]:
        is_public = RULES[address.name][0] == PUBLIC
        for client in [world.clients["alice"], *([world.clients["visitor"]] if is_public else [])]:
            look(client, url_of(world, address), *WORDS)
        for client, values in clients if address.parameters == ["run_id"] else ():
            look(client, address.url(values), *WORDS)
    shown_in_pages = "\n".join(texts)
    for address in OF_ADMIN:
        look(world.clients["root"], address.url(world.own | admin_parameters(address)))
    assert not wrong, "\n".join(wrong)
    shown = dict.fromkeys(IN_ADMIN, "\n".join(texts))
    assert [field for field, text in written.items() if text not in shown.get(field, shown_in_pages)] == []


# --- Mails ------------------------------------------------------------------------------------------------
def test_a_mail_is_plain_text_with_only_our_headers():
    """S5: no name of a person can open a header or markup."""
    scene = stage(states.ACTIVE)
    User.objects.exclude(pk=scene.bob.pk).update(wants_mail=True, email="somebody@example.org")
    for text in (*MARKUP.values(), *CONTROLS[1:]):
        User.objects.filter(pk=scene.bob.pk).update(name=f"{text}\r\nBcc: spy@evil.example")
        Notification.objects.filter(user=scene.alice).delete()
        Notification.objects.create(user=scene.alice, event=scene.run.events.filter(actor=scene.bob).first())
        mail_digests()
    assert len(mail.outbox) >= len(MARKUP) + len(CONTROLS) - 1
    for message in mail.outbox:
        parsed = message.message()
        assert (parsed.get_content_type(), parsed["Bcc"], parsed["Set-Cookie"]) == ("text/plain", None, None)
        assert parsed.get_all("To") == message.recipients() == ["somebody@example.org"]
        assert not {"\r", "\n"} & set(message.subject)


# --- Redirects ------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_no_parameter_leads_to_another_site():
    """S5: open redirects are harmless, in every parameter a page may read them from, and in the referrer."""
    world, wrong = make_world(), []
    leader, visitor = world.scene.alice, world.clients["visitor"]
    leader.username, leader.password = "alice", make_password(PASSWORD)
    leader.save()
    Price.objects.filter(pk=world.own["price_id"]).update(seen_by=leader)
    alice = signed_in(leader)
    price, run = reverse("price-withdraw", args=[world.own["price_id"]]), world.scene.run.pk
    password, store = {"username": "alice", "password": PASSWORD}, {"name": "Corner", "currency": "EUR"}
    posts = [
        (visitor, "/login/", password), (visitor, "/admin/login/", password), (visitor, "/register/", NEWCOMER),
        (visitor, f"/join/{world.scene.group.join_token}/", {}), (alice, "/logout/", {}),
        (world.clients["root"], "/admin/logout/", {}), (alice, price, {}),
        (alice, price.replace("withdraw", "restore"), {}), (alice, "/stores/new/", store),
        (alice, "/products/new/", {"name": "Kefir", "unit": "L"}), (alice, reverse("run-order", args=[run]), {}),
        (alice, reverse("run-lock", args=[run]), {}),
    ]  # fmt: skip
    led_on = 0
    for number, evil in enumerate(EVIL):
        came_from = re.sub(r"[\x00-\x1f]", "", evil)  # a header cannot contain everything that a parameter can
        fields = dict.fromkeys(("next", "join", "link", "url", "back", "redirect", "on", "show"), evil)
        for client, url, data in posts:
            for query, more in (({}, fields), (fields, {}))[: 2 if number < 2 else 1]:
                with undone(client):
                    answer = client.post(url, data | more, query_params=query, headers={"referer": came_from})
                led_on += answer.status_code == 302 and not answer["Location"].startswith("/login/")
                wrong += [f"{url}, {evil!r}: {problem}" for problem in problems_of(answer)]
        for url in ("/login/", "/register/", "/groups/invite-link/", "/stores/similar/"):
            client = visitor if url == "/register/" else alice
            answer = client.get(url, fields | {"name": world.scene.store.name}, headers={"referer": came_from})
            wrong += [f"{url}, {evil!r}: {problem}" for problem in problems_of(answer)]
    assert not wrong, "\n".join(wrong)
    assert led_on >= len(EVIL) * 6  # those that do redirect
