"""Spec 102, 105: every text people see can be translated; each rule is also shown to refuse a sample."""

import pytest

from bulq.tests.architecture import APPS, FREE, ROOT, python_files, templates
from bulq.tests.unmarked import (
    loose_blocks,
    made_up_texts,
    unmarked_in_python,
    unmarked_in_script,
    unmarked_in_template,
)

# These speak to operators, in English, or write the demo.
FOR_OPERATORS = {"backups", "watch", "logs", "management", "demo", "checks.py", "settings.py", "environment.py"}


def product_files():
    for path in python_files():
        parts = path.relative_to(ROOT).parts
        if parts[0] in {*APPS, "bulq"} and not (FREE | FOR_OPERATORS) & set(parts):
            yield path


def page_files():
    return [*templates(), *sorted((ROOT / "templates").rglob("*.txt"))]


FILES = {
    unmarked_in_template: page_files,
    loose_blocks: page_files,
    unmarked_in_python: product_files,
    made_up_texts: product_files,
    unmarked_in_script: lambda: sorted((ROOT / "static/js").glob("*.js")),
}


@pytest.mark.parametrize("rule", FILES, ids=lambda rule: rule.__name__)
def test_every_text_is_marked(rule):
    files = list(FILES[rule]())
    assert len(files) > 7
    found = [f"{path.relative_to(ROOT)}: {line}" for path in files for line in rule(path.read_text(encoding="utf-8"))]
    assert found == []


REFUSED = {
    unmarked_in_template: [
        "<p>{{ name }} has paid</p>",
        "<p>\n  Paid\n</p>",
        '<b>{% translate "Paid" %} so far</b>',
        '<a aria-label="Close"></a>',
        '<a aria-label="{{ name }} pays"></a>',
        '<img alt="A picture">',
        '<input placeholder="Name">',
        '<input type="submit" value="Send">',
        '<p data-lost="No connection"></p>',
        '{% include "x.html" with title="Nothing here" %}',
        '{{ note|default:"Nothing here" }}',
        "{% if paid %}paid{% else %}{{ amount }}{% endif %}",
        "Hello {{ name }},",
    ],
    loose_blocks: ["{% blocktranslate %}\nHi\n{% endblocktranslate %}", "{% blocktranslate count n=n %}a\n{% plural %}"
                   "b{% endblocktranslate %}"],
    unmarked_in_python: [
        'raise BulqError("Choose a product")',
        'raise BulqError(f"{name} pays")',
        'raise ValidationError({"name": "too long"})',
        'messages.success(request, "saved")',
        'messages.success(request, "saved" if new else _("Changed"))',
        'offer_undo(request, "removed " + name, "undo")',
        'forms.CharField(label="name")',
        'forms.CharField(error_messages={"required": "missing"})',
        'HttpResponse("no such thing")',
        'problem = "This name is taken"',
        'word = "Saved"',
        'return "Nothing was saved."',
    ],
    made_up_texts: [
        '_(f"Hi {name}")',
        '_("Hi %s" % name)',
        '_("Hi " + name)',
        'ngettext("{n} thing".format(n=1), "things", 1)',
    ],
    unmarked_in_script: [
        'place.textContent = "saved";',
        "place.textContent = `${n} saved`;",
        'alert("no")',
        'field.setAttribute("aria-label", "close");',
        'const word = "Waiting to be sent";',
        "const word = 'Saved';",
    ],
}  # fmt: skip
ACCEPTED = {
    unmarked_in_template: [
        '{% block width %}narrow{% endblock %}<p class="one two" id="Main">Bulq · {{ name }}, 5 × 3</p>',
        '<a aria-label="{% translate "Close" %}" data-live="run=5" href="/money/">{% translate "Money" %}</a>',
        "{% blocktranslate trimmed %}\n  Hi {{ name }}\n{% endblocktranslate %}{# A remark #}",
        "{% comment %}A remark{% endcomment %}<!-- a remark --><style>a { color: red }</style>",
        '{% if state == "Nothing here" %}{% include "x.html" with title=_("Nothing here") %}{% endif %}',
        '<input name="Name" value="Alice"><input type="hidden" value="all or nothing">',
    ],
    loose_blocks: [
        "{% blocktranslate %}Hi{% endblocktranslate %}",
        "{% blocktranslate trimmed %}\na\n{% endblocktranslate %}",
    ],
    unmarked_in_python: [
        '"""A docstring says what it does."""',
        'raise BulqError(_("Choose a product"))',
        'raise ValueError("Choose a product")',
        'log.warning("Run %s closes later", run.pk)',
        'messages.success(request, _("%(name)s pays") % {"name": name})',
        'forms.CharField(label=_("name"), help_text=gettext_lazy("What is it?"))',
        '__all__ = ["Bid", "Run"]',
        'field = "amount"; path = "bids/run.html"; query = "SELECT 1"; kind = "run_moved"',
    ],
    made_up_texts: ['_("Hi %(name)s") % {"name": name}', "_(text)", '_("a long "\n"text")'],
    unmarked_in_script: [
        '"use strict"; // It says nothing',
        'place.className = "banner warn"; if (event.key === "ArrowDown") place.textContent = place.dataset.word;',
        "/* Nothing here */ place.textContent = `${sending}: ${Math.round(n)} %`;",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("rule", "sample"), [(rule, text) for rule in REFUSED for text in REFUSED[rule]])
def test_each_rule_refuses(rule, sample):
    assert list(rule(sample))


@pytest.mark.parametrize(("rule", "sample"), [(rule, text) for rule in ACCEPTED for text in ACCEPTED[rule]])
def test_what_is_no_text_is_left_alone(rule, sample):
    assert list(rule(sample)) == []
