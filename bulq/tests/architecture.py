"""The rules of the house, each a function from source text to sentences about what breaks it.

docs/architecture.md gives the reasons. A new kind of module first needs a place in LAYERS (or LEAVES) here.
"""

import ast
import re
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "stores", "bids")  # each may import those before it
FIRST_PARTY = {"bulq", "dev", *APPS}
# The rooms of bulq/ by folder, and which of our packages each may import besides itself. The rest of bulq/ ties
# everything together: it may import all, and nobody imports it.
ROOMS = {
    "logs": set(),
    "kit": {"bulq.logs"},
    "watch": {"bulq.logs", "bulq.kit", "bulq.models"},
    "backups": {"bulq.logs", "bulq.kit", "bulq.models", "bulq.watch", "bids.reading"},
}
PURE = {"states", "allocation", "settling"}  # import nothing of ours at all
# Inside an app each may import its own layer and those before it.
LAYERS = (
    {"states", "allocation", "settling", "signals", "validators"},
    {"models"},
    {"reading"},
    {"access"},
    {"actions"},
    {"forms"},
    {"importing"},
    {"views"},
    {"urls"},
)
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# May import every layer, and no layer imports them; but tasks are queued from where they arise.
LEAVES = {"admin", "apps", "receivers", "tasks", "management", "templatetags"}
CALLABLE_LEAVES = {"tasks"}
FREE = {"tests", "migrations"}
PYTHON_LINES, TEMPLATE_LINES = 400, 150
# The only modules that make markup, or declare any safe.
MARKUP_MAKERS = {
    "bulq.kit.rows",  # joins pieces of templates with escaped texts
}
SAFE_MAKERS = {"mark_safe", "format_html", "format_html_join", "SafeString", "SafeText"}
TAG = re.compile(r"</?[a-z][a-z0-9-]*(\s|/?>|$)", re.IGNORECASE)
# What a page adds to data: how it looks, and where its buttons lead.
LOOKS = {"icon", "symbol", "tone", "caption", "url", "href"}


# --- Files -----------------------------------------------------------------------------------------
def python_files() -> Iterator[Path]:
    for top in sorted(FIRST_PARTY):
        yield from sorted((ROOT / top).rglob("*.py"))


def templates() -> Iterator[Path]:
    for folder in (ROOT / "templates", *(ROOT / top for top in sorted(FIRST_PARTY))):
        yield from sorted(folder.rglob("*.html"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def too_long(text: str, limit: int) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > limit:
        yield f"has {lines} lines, more than {limit}: make it a package, or parts"


# --- Imports ---------------------------------------------------------------------------------------
def imports(module: str, source: str, *, is_package: bool = False) -> Iterator[str]:
    """Every dotted name of ours that a module imports, wherever in it, relative ones spelled out."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = [".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in FIRST_PARTY)


def bad_imports(module: str, source: str, *, is_package: bool = False) -> Iterator[str]:
    top, part = split(module)
    if part in FREE:
        return
    for name in imports(module, source, is_package=is_package):
        yield from (f"{sentence} ({name})" for sentence in _door(top, part, *split(name)))


def split(name: str) -> tuple[str, str]:
    """`bids.models.runs` is in `bids`, part `models`."""
    top, _, rest = name.partition(".")
    return top, rest.split(".")[0]


def _door(top: str, part: str, other: str, other_part: str) -> Iterator[str]:
    if (top == "dev") != (other == "dev"):
        yield "the developer's programs and the product know nothing of each other"
    elif top == "bulq":
        if part in ROOMS and (other, other_part) != (top, part) and f"{other}.{other_part}" not in ROOMS[part]:
            yield f"the room {part} imports {other}.{other_part}"
    elif top == "dev":
        return
    elif part in PURE:
        yield f"{part} is pure and imports nothing of ours"
    elif other == "bulq":
        if other_part != "kit":
            yield "an app imports more of bulq than the kit"
    elif other != top:
        if APPS.index(other) > APPS.index(top):
            yield f"{top} imports {other}, which stands above it"
    else:
        yield from _layer(part, other_part)


def _layer(part: str, other: str) -> Iterator[str]:
    if other in LEAVES and part not in LEAVES | {other} and other not in CALLABLE_LEAVES:
        yield f"{part} imports the leaf {other}"
    elif part in RANKS and other in RANKS and RANKS[other] > RANKS[part]:
        yield f"{part} imports {other}, a later layer"
    elif other in FREE:
        yield f"{part} imports {other}"


def circles(sources: dict[str, tuple[str, bool]]) -> Iterator[str]:
    """`sources` has for each module its text, and whether it is a package."""
    graph = {
        module: {_module_in(name, sources) for name in imports(module, text, is_package=is_package)} - {module, ""}
        for module, (text, is_package) in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "a circle: " + " <- ".join(error.args[1])


def _module_in(name: str, modules: Collection[str]) -> str:
    """The module a dotted name belongs to: itself or a parent."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def placeless(module: str) -> Iterator[str]:
    top, part = split(module)
    if top in APPS and part and part not in RANKS.keys() | LEAVES | FREE:
        yield f"the part {part} of {top} has no place in LAYERS or LEAVES"


# --- Markup and looks ------------------------------------------------------------------------------
def markup(source: str) -> Iterator[str]:
    """What belongs into a template: tags in texts other than docstrings, and everything that declares a text safe."""
    tree = ast.parse(source)
    comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in comments:
            if found := TAG.search(node.value):
                yield f"{where}: a text with {found.group().strip()}"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{where}: imports {alias.name}" for alias in node.names if alias.name in SAFE_MAKERS)
        elif isinstance(node, ast.Attribute) and node.attr in SAFE_MAKERS:
            yield f"{where}: {node.attr}"


def looks(source: str) -> Iterator[str]:
    """Addresses, symbols and captions in what is stored, or read for a page."""
    for node in ast.walk(ast.parse(source)):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom | ast.Import):
            modules = {getattr(node, "module", ""), *(alias.name for alias in node.names)}
            if modules & {"django.urls", "reverse", "address_of"}:
                yield f"{where}: makes addresses"
        elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in LOOKS:
            yield f"{where}: a field {node.target.id}"
        elif isinstance(node, ast.keyword) and node.arg in LOOKS:
            yield f"{where}: {node.arg}="
    yield from looks_in_dictionaries(source)


def looks_in_dictionaries(source: str) -> Iterator[str]:
    """The same as keys of dictionaries; a template, or a dataclass written by one, is the place for them."""
    for node in ast.walk(ast.parse(source)):
        keys = node.keys if isinstance(node, ast.Dict) else [node.slice] if isinstance(node, ast.Subscript) else []
        for key in keys:
            if isinstance(key, ast.Constant) and key.value in LOOKS:
                yield f"line {node.lineno}: a dictionary's {key.value}"


# --- Views -----------------------------------------------------------------------------------------
def bad_view(source: str) -> Iterator[str]:
    """Writing belongs in actions, deciding about states in querysets."""
    for node in ast.walk(ast.parse(source)):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "save":
            yield f"{where}: calls save()"
        elif isinstance(node, ast.ImportFrom | ast.Import):
            if any("transaction" in alias.name.split(".") for alias in node.names):
                yield f"{where}: imports transaction"
        elif isinstance(node, ast.Compare | ast.MatchValue) and "RunState" in _names(node):
            yield f"{where}: compares with RunState"


def _names(node: ast.AST) -> set[str]:
    return {getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node)}


# --- Templates -------------------------------------------------------------------------------------
TEMPLATE_CODE = re.compile(r"{%\s*comment\b.*?{%\s*endcomment\s*%}|{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sentences: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        where = f"line {self.getpos()[0]}"
        names = {name for name, _ in attrs}
        if tag == "style":
            self.sentences.append(f"{where}: <style>")
        if tag == "script" and "src" not in names:
            self.sentences.append(f"{where}: <script> without src")
        for name, value in attrs:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.sentences.append(f"{where}: {name}=")
            elif (value or "").strip().lower().startswith("javascript:"):
                self.sentences.append(f"{where}: a javascript: address")

    handle_startendtag = handle_starttag


def inline_code(template: str) -> list[str]:
    """The Content-Security-Policy would refuse it in the browser; here it is found earlier."""
    markup = _Markup()
    markup.feed(TEMPLATE_CODE.sub(lambda found: " " + "\n" * found.group().count("\n"), template))
    markup.close()
    return markup.sentences


def forms_without_token(template: str) -> Iterator[str]:
    for form in re.finditer(r"<form\b.*?(?:</form>|\Z)", template, re.DOTALL | re.IGNORECASE):
        opening = form.group().split("</", 1)[0]
        posts = re.search(r"""\bmethod\s*=\s*["']?post\b""", opening, re.IGNORECASE)
        if posts and not re.search(r"{%\s*post_token\b|/_post_token\.html", form.group()):
            line = template.count("\n", 0, form.start()) + 1
            yield f"line {line}: a form that posts, without {{% post_token %}}"
