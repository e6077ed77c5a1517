"""The doors of docs/architecture.md, checked by reading the source; each rule is also shown to refuse a sample."""

import pytest

from bulq.tests.architecture import (
    FREE,
    MARKUP_MAKERS,
    PYTHON_LINES,
    ROOT,
    TEMPLATE_LINES,
    bad_imports,
    bad_view,
    circles,
    forms_without_token,
    inline_code,
    looks,
    looks_in_dictionaries,
    markup,
    module_of,
    placeless,
    python_files,
    split,
    templates,
    too_long,
)


def complaints(files, rule):
    return [
        f"{path.relative_to(ROOT)}: {sentence}"
        for path in files
        for sentence in rule(path, path.read_text(encoding="utf-8"))
    ]


def is_view(path):
    return split(module_of(path))[1] == "views"


def is_product(path):
    parts = path.relative_to(ROOT).parts
    # In the addresses of urls.py `<token>` is no tag.
    return parts[0] != "dev" and not FREE & set(parts) and parts[-1] != "urls.py"


def test_nobody_imports_through_a_closed_door():
    def rule(path, source):
        return bad_imports(module_of(path), source, is_package=path.name == "__init__.py")

    assert complaints(python_files(), rule) == []


def test_no_modules_import_each_other():
    sources = {
        module_of(path): (path.read_text(encoding="utf-8"), path.name == "__init__.py")
        for path in python_files()
        if not FREE & set(module_of(path).split("."))
    }
    assert len(sources) > 150
    assert list(circles(sources)) == []


def test_every_part_of_an_app_has_its_layer():
    assert complaints(python_files(), lambda path, _: placeless(module_of(path))) == []


def test_python_files_stay_short():
    files = [path for path in python_files() if "migrations" not in path.parts]
    assert complaints(files, lambda _, source: too_long(source, PYTHON_LINES)) == []


def test_templates_stay_short():
    assert complaints(templates(), lambda _, text: too_long(text, TEMPLATE_LINES)) == []


def test_views_neither_write_nor_decide():
    assert complaints(filter(is_view, python_files()), lambda _, source: bad_view(source)) == []


def test_markup_is_made_in_templates():
    files = [path for path in python_files() if is_product(path) and module_of(path) not in MARKUP_MAKERS]
    assert len(files) > 150
    assert complaints(files, lambda _, source: markup(source)) == []


def test_models_and_read_models_have_no_addresses_icons_or_captions():
    files = [path for path in python_files() if split(module_of(path))[1] in {"models", "reading"}]
    assert complaints(files, lambda _, source: looks(source)) == []


def test_dictionaries_of_views_have_none_either():
    assert complaints(filter(is_view, python_files()), lambda _, source: looks_in_dictionaries(source)) == []


def test_templates_have_no_inline_script_or_style():
    assert complaints(templates(), lambda _, text: inline_code(text)) == []


def test_every_posting_form_carries_its_token():
    # The admin's pages are Django's own and have Django's own token.
    ours = [path for path in templates() if "admin" not in path.parts]
    assert complaints(ours, lambda _, text: forms_without_token(text)) == []


# --- Each rule, seen red ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bulq.kit.money", "from bids.models import Run"),
        ("bulq.kit.http", "import accounts.models"),
        ("bulq.kit.http", "from ..settings import DEBUG"),
        ("bulq.kit.later", "def late():\n    from bulq.celery import app"),
        ("bulq.kit.live", "from bulq.watch import health"),
        ("bulq.logs.lines", "from bulq.kit import http"),
        ("bulq.watch.health", "from bulq.backups import job"),
        ("bulq.watch.alerts", "from bids.models import Run"),
        ("bulq.backups.job", "from bulq.views import ready"),
        ("bulq.backups.job", "from bids.actions import runs"),
        ("accounts.actions", "from stores.models import Store"),
        ("accounts.models", "from bids import models"),
        ("stores.models", "def late():\n    from bids.models import Run"),
        ("bids.models.runs", "from bulq.settings import DEBUG"),
        ("bids.views.runs", "from bulq import middleware"),
        ("bids.views", "from bulq.templatetags.look import money"),
        ("bids.states", "from bulq.kit.money import cents"),
        ("bids.models.runs", "from bids.reading.board import Board"),
        ("bids.models.runs", "from bulq.logs import lines"),
        ("bids.reading.board", "from bids.access import get_run"),
        ("bids.allocation", "from . import states"),
        ("bids.models.runs", "from ..actions import runs"),
        ("bids.models.runs", "from bids.access import get_run"),
        ("bids.actions.runs", "from bids.forms import RunForm"),
        ("bids.forms", "from bids import views"),
        ("bids.views.runs", "import bids.urls"),
        ("bids.actions.runs", "from bids.admin import RunAdmin"),
        ("bids.views", "from bids.tests.cast import alice"),
        ("bulq.settings", "from dev.services import services"),
        ("bids.models.runs", "from dev import services"),
        ("dev.run", "from bulq.settings import DEBUG"),
    ],
)
def test_a_closed_door_is_noticed(module, source):
    assert list(bad_imports(module, source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bids.views.runs", "from bulq.kit.errors import BulqError\nfrom bulq.kit import http, money"),
        ("bids.models.runs", "from accounts.models import Group\nfrom bids.states import RunState"),
        ("bids.models.runs", "from .bidding import Bid"),
        ("bids.actions.runs", "from bids import tasks"),
        ("bids.apps", "from bids import receivers"),
        ("bids.admin", "from bids.forms import RunForm"),
        ("bids.tests.test_runs", "from bids import views, admin"),
        ("bulq.urls", "from bids import views"),
        ("bulq.checks", "from bulq.settings import DEBUG"),
        ("bids.allocation", "from decimal import Decimal"),
        ("bids.actions.runs", "from bids.reading.division import Division"),
        ("bulq.backups.job", "from bids.reading.invariants import problems"),
        ("bulq.watch.alerts", "from bulq.models import Told\nfrom .health import problems"),
        ("dev.run", "from dev.services import services"),
    ],
)
def test_an_open_door_is_accepted(module, source):
    assert list(bad_imports(module, source)) == []


@pytest.mark.parametrize(
    "sources",
    [
        {"bids.a": ("from . import b", False), "bids.b": ("from .a import x", False)},
        {"bids.a": ("def late():\n    import bids.b", False), "bids.b": ("from bids import a", False)},
        {"bids": ("from .a import x", True), "bids.a": ("from bids import y", False)},
    ],
)
def test_a_circle_is_noticed(sources):
    assert list(circles(sources))


def test_modules_in_a_row_are_not_a_circle():
    sources = {"bids": ("from .a import x", True), "bids.a": ("from . import b", False), "bids.b": ("", False)}
    assert list(circles(sources)) == []


def test_a_relative_import_in_a_package_is_read_from_there():
    assert list(bad_imports("bids.models", "from .actions import x", is_package=True)) == []
    assert list(bad_imports("bids.models", "from ..actions import x", is_package=True))


def test_a_part_without_a_layer_is_noticed():
    assert list(placeless("bids.helpers"))
    assert list(placeless("bids.models.runs")) == []
    assert list(placeless("bids")) == []


def test_a_long_file_is_noticed():
    assert list(too_long("x\n" * 401, PYTHON_LINES))
    assert list(too_long("x\n" * 400, PYTHON_LINES)) == []


@pytest.mark.parametrize(
    "source",
    [
        "def page(request):\n    form.save()",
        "from django.db import transaction",
        "import django.db.transaction",
        "if run.state == RunState.ACTIVE: pass",
        "if run.state in {states.RunState.ACTIVE, 1}: pass",
        "match run.state:\n    case RunState.ACTIVE: pass",
    ],
)
def test_a_view_that_writes_or_decides_is_noticed(source):
    assert list(bad_view(source))


@pytest.mark.parametrize(
    "source",
    [
        "from django.utils.safestring import mark_safe",
        "from django.utils.html import escape, format_html as made",
        "from django.utils.html import format_html_join",
        "from django.utils import safestring\nsafestring.SafeString('x')",
        "page = '<b>'",
        "page = f'<rect width=\"{width}\"/>'",
        "page = [name + '</p>' for name in names]",
        "PAGE = {'row': '<br/>'}",
        "text = _('Read <a href=\"%(url)s\">this</a>')",
    ],
)
def test_markup_in_python_is_noticed(source):
    assert list(markup(source))


@pytest.mark.parametrize(
    "source",
    [
        '"""Written as <b>name</b>."""',
        "def page():\n    'A <p> with text.'\n    return render(request, 'page.html')",
        "is_low = low < high > 3",
        "sender = 'Bulq <bulq@example.org>'",
        "from django.utils.html import escape",
        "log.info('%s <- %s', low, high)",
    ],
)
def test_other_texts_are_let_be(source):
    assert list(markup(source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "from django.urls import reverse",
        "def late():\n    from bulq.kit.rows import address_of",
        "import django.urls",
        "@dataclass\nclass Job:\n    icon: str",
        "job = Job(run, tone='warn')",
        "row = {'title': title, 'url': address}",
    ],
)
def test_looks_in_data_are_noticed(source):
    assert list(looks(source))


@pytest.mark.parametrize(
    "source", ["row = {'icon': 'bag'}", "row['url'] = address", "row = base | {'caption': _('See')}"]
)
def test_looks_in_dictionaries_of_views_are_noticed(source):
    assert list(looks_in_dictionaries(source))


def test_plain_data_is_let_be():
    assert list(looks("@dataclass\nclass Job:\n    run: Run\n    amount: Decimal\njob = Job(run, amount=1)")) == []
    assert list(looks_in_dictionaries("context = {'run': run, 'people': people}\nurl = reverse('run')")) == []


def test_a_plain_view_is_accepted():
    assert list(bad_view("def page(request):\n    place_bid(run, by=request.user)\n    return redirect(run)")) == []


@pytest.mark.parametrize(
    "template",
    [
        '<p style="color: red">',
        "<style>p {}</style>",
        '<a\n  onclick="go()">',
        '<a hx-on:click="go()">',
        '<a {% if a > b %}class="x"{% endif %} ONLOAD=x>',
        "<script>go()</script>",
        '<a href=" JavaScript:go()">',
        '<img {{ size }} style="width: 1px"/>',
    ],
)
def test_inline_code_is_noticed(template):
    assert inline_code(template)


@pytest.mark.parametrize(
    "template",
    [
        '<script src="{% static "js/app.js" %}" defer></script>',
        '<link rel="stylesheet" href="x.css"><p class="style on">style="x" onclick=</p>',
        '{# <p style="x"> #}{% comment %}<style></style>{% endcomment %}',
        '<button data-on="x" name="once">on</button>',
    ],
)
def test_ordinary_markup_is_accepted(template):
    assert inline_code(template) == []


def test_a_posting_form_without_token_is_noticed():
    good = '<form method="post" action="x">{% post_token %}</form>'
    assert list(forms_without_token(good)) == []
    assert list(forms_without_token('<form method="get"></form>')) == []
    assert list(forms_without_token("<form action='x' METHOD=post>{% csrf_token %}</form>"))
    assert list(forms_without_token(good + "\n" + '<form\n method="post"></form>' + good)) == [
        "line 2: a form that posts, without {% post_token %}"
    ]
