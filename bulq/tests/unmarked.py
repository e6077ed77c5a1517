"""Texts that nobody could translate, found by reading the sources; each a function from source text to sentences."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from django.template.base import DebugLexer, Token, TokenType

# The same in every language.
NAMES = {"Bulq", "CSV", "JSON", "IBAN", "BIC", "QR"}
WORD = re.compile(r"[^\W\d_]{2,}")
# Begins like a sentence, and goes on: "This page", "Nothing", but no "btn primary", no "ArrowDown", no "a/path".
SENTENCE = re.compile(r"^\W*[^\W\d_a-z][a-z'’]*,? (?:[a-z'’“]+\b|%|\{)|^[^\W\d_a-z][a-z]{2,}[.!?:…]?$")


def is_text(text: str) -> bool:
    return any(word not in NAMES for word in WORD.findall(text))


def is_sentence(text: str) -> bool:
    return bool(SENTENCE.search(text)) and is_text(text)


# --- Templates -------------------------------------------------------------------------------------
LITERAL = re.compile(r"""_\((?:"[^"]*"|'[^']*')\)|"([^"]*)"|'([^']*)'""")
SPOKEN_ATTRIBUTES = {"aria-label", "aria-description", "aria-roledescription", "alt", "title", "placeholder", "label"}
# What blocks hold that is no text: classes, topics, addresses.
QUIET_BLOCKS = {"width", "live", "body_class", "bodyclass", "back_url"}
# Where literals are names of files and routes, or are compared.
QUIET_TAGS = {"if", "elif", "url", "extends", "load", "static", "ifchanged"}
QUIET_PARTS = {"comment": "endcomment", "blocktranslate": "endblocktranslate"}


class _Page(HTMLParser):
    """Reads a page in which the template's code is blank."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_button = tag == "input" and dict(attrs).get("type") in {"submit", "button", "reset"}
        for name, value in attrs:
            spoken = name in SPOKEN_ATTRIBUTES or (name == "value" and is_button)
            if (spoken and is_text(value or "")) or (name.startswith("data-") and is_sentence(value or "")):
                self.found.append((self.getpos()[0], value or ""))
        self.silent += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self.silent and is_text(data):
            before = data[: len(data) - len(data.lstrip())]
            self.found.append((self.getpos()[0] + before.count("\n"), " ".join(data.split())))


def unmarked_in_template(source: str) -> Iterator[str]:
    written, until = [], None
    for token in DebugLexer(source).tokenize():
        name, _, rest = token.contents.partition(" ") if token.token_type == TokenType.BLOCK else ("", "", "")
        if until:
            blank, until = True, None if name == until else until
        elif blank := token.token_type != TokenType.TEXT:
            until = "endblock" if name == "block" and rest in QUIET_BLOCKS else QUIET_PARTS.get(name)
            yield from _in_code(token, name)
        written.append("\n" * source.count("\n", *token.position) if blank else token.contents)
    page = _Page()
    page.feed("".join(written))
    page.close()
    yield from (f"line {line}: {text}" for line, text in page.found)


def _in_code(token: Token, name: str) -> Iterator[str]:
    """`{% include "x.html" with title="Saved" %}`, `{{ text|default:"Nothing here" }}`"""
    if token.token_type == TokenType.COMMENT or name in {"translate", *QUIET_TAGS, *QUIET_PARTS}:
        return
    for literal in LITERAL.finditer(token.contents):
        if is_sentence(text := literal[1] or literal[2] or ""):
            yield f"line {token.lineno}: {text}"


def loose_blocks(source: str) -> Iterator[str]:
    """Line breaks would be part of the text, and compiling stops where plural forms begin with other ones."""
    for block in re.finditer(r"{%\s*blocktranslate\b(.*?)%}(.*?){%\s*endblocktranslate\s*%}", source, re.DOTALL):
        if "\n" in block[2] and "trimmed" not in block[1].split():
            yield f"line {source.count(chr(10), 0, block.start()) + 1}: blocktranslate without trimmed"


# --- Python ----------------------------------------------------------------------------------------
GETTEXT = re.compile(r"^(_|now|n?p?gettext(_lazy|_noop)?)$")
REFUSALS = {"BulqError", "NotAllowed", "ChangedMeanwhile", "Busy", "ValidationError", "FieldError"}
ANSWERS = {"HttpResponse", "HttpResponseForbidden", "HttpResponseBadRequest"}
SPOKEN_ARGUMENTS = {
    *("label", "help_text", "empty_label", "verbose_name", "verbose_name_plural", "error_messages", "description"),
    *("placeholder", "message", "subject", "title"),
}
# Single words with a capital that are names to other programs, or of our own classes.
IDENTIFIERS = {
    *("Referer", "Origin", "Cookie", "Location", "Lax", "Factory", "True", "False"),
    *("Membership", "Store", "text/plain"),
    *("ok\n", "unknown\n"),  # of health checks
}
# For operators: the log, and errors that no person reads.
FOR_OPERATORS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
PROGRAMMING = {"ValueError", "TypeError", "RuntimeError", "AssertionError", "LookupError", "ImproperlyConfigured"}


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _names(node: ast.Assign) -> set[str]:
    return {getattr(target, "id", "") for target in node.targets}


def _literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_gettext(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and bool(GETTEXT.match(_called(node)))


def _of_module(call: ast.Call) -> str:
    return getattr(getattr(call.func, "value", None), "id", "")


def unmarked_in_python(source: str) -> Iterator[str]:
    """Sentences outside of gettext, and any word in what is certainly shown."""
    tree = ast.parse(source)
    quiet = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and _literal(node.value)}
    exported = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and "__all__" in _names(node)]
    quiet |= {id(part) for names in exported for part in ast.walk(names)}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        is_log = _called(call) in FOR_OPERATORS and _of_module(call) in {"log", "logger", "logging"}
        if is_log or _is_gettext(call) or _called(call) in PROGRAMMING:
            quiet |= {id(part) for part in ast.walk(call)}
    for node in ast.walk(tree):
        if id(node) in quiet or getattr(node, "value", "") in IDENTIFIERS:
            continue
        if _literal(node) and is_sentence(node.value):
            yield f"line {node.lineno}: {node.value}"
        elif isinstance(node, ast.Call):
            yield from (
                f"line {part.lineno}: {part.value}"
                for shown in _shown(node)
                for part in _literals(shown)
                if id(part) not in quiet and part.value not in IDENTIFIERS
                if is_text(part.value) and not is_sentence(part.value)
            )


def _shown(call: ast.Call) -> Iterator[ast.AST]:
    if _called(call) in REFUSALS | ANSWERS:
        yield from call.args[:1]
    elif _of_module(call) == "messages" or _called(call) == "offer_undo":
        at = 2 if _called(call) == "add_message" else 1
        yield from call.args[at : at + 1]
    yield from (keyword.value for keyword in call.keywords if keyword.arg in SPOKEN_ARGUMENTS)


def _literals(node: ast.AST) -> Iterator[ast.Constant]:
    """Texts that a value is made of: not arguments of calls, not keys."""
    if _literal(node):
        yield node
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _literals(value)
    elif isinstance(node, ast.IfExp):
        yield from (*_literals(node.body), *_literals(node.orelse))
    elif isinstance(node, ast.BinOp):
        yield from (*_literals(node.left), *_literals(node.right))
    elif isinstance(node, ast.JoinedStr | ast.List | ast.Tuple):
        for value in getattr(node, "values", getattr(node, "elts", ())):
            yield from _literals(value)


def made_up_texts(source: str) -> Iterator[str]:
    """gettext of what is put together first is extracted otherwise than it is looked up, and never found."""
    for call in filter(_is_gettext, ast.walk(ast.parse(source))):
        for argument in call.args:
            joins = isinstance(argument, ast.JoinedStr | ast.BinOp) and any(_literals(argument))
            formats = isinstance(argument, ast.Call) and _called(argument) == "format"
            if joins or formats:
                yield f"line {call.lineno}: {_called(call)} of a text that is put together"


# --- Scripts ---------------------------------------------------------------------------------------
SCRIPT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'|`((?:\\.|[^`\\])*)`""", re.DOTALL
)
SHOWN = re.compile(
    r"(?:\.(?:textContent|innerText|innerHTML|ariaLabel|title|placeholder|alt)\s*\+?=|\b(?:alert|confirm|prompt)\("
    r"""|setAttribute\("(?:aria-label|title|placeholder|alt)",)\s*$"""
)
# Names of keys, headers and events.
PROTOCOL = {"Accept", "Enter", "Escape", "Home", "End", "Tab", "Retry"}


def unmarked_in_script(source: str) -> Iterator[str]:
    """Scripts say what their page gives them in data attributes."""
    for literal in SCRIPT.finditer(source):
        text = next(filter(None, literal.groups()), "")
        words = re.sub(r"\$\{.*?\}", "", text)
        shown = SHOWN.search(source, max(0, literal.start() - 60), literal.start())
        if text not in PROTOCOL and (is_sentence(text) or (shown and is_text(words))):
            yield f"line {source.count(chr(10), 0, literal.start()) + 1}: {text}"
