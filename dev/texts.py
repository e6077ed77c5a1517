"""The catalogues of texts: `python -m dev.texts` extracts the sources anew, writes Cyrillic Serbian, and compiles all.

`locale/sr` is made from `locale/sr_Latn`, letter by letter but for what is named here. The compiled files are committed
next to their sources, so that neither running nor the image needs gettext; only this does, for extracting.
"""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "locale"
LATIN, CYRILLIC = "sr_Latn", "sr"
OPTIONS = ("--add-location", "file", "--no-wrap", "--no-obsolete", "--verbosity", "0")
# manage.py does not start without; nothing is asked.
SETTINGS = {"SECRET_KEY": "for texts only", "DATABASE_URL": "postgres://none/none", "REDIS_URL": "redis://none/0"}
NOT_OURS = (".venv", "*/tests/*", "dev", "benchmarks")

# --- Serbian in Cyrillic -----------------------------------------------------------------------------
DIGRAPHS = {"dž": "џ", "lj": "љ", "nj": "њ"}
LETTERS = dict(zip("abcčćdđefghijklmnoprsštuvzž", "абцчћдђефгхијклмнопрсштувзж", strict=True))
# Stems in which the two letters are two sounds, and stay two.
STEMS = (
    "in|jek in|junk kon|jug kon|junk tan|jug van|jezi"
    " nad|žanj nad|žet nad|živ nad|žnj pod|žanr pod|žup pred|želu od|žal od|žet od|živ"
)
APART = re.compile("(?i)" + "|".join("{}(?={})".format(*stem.split("|")) for stem in STEMS.split()))
# These stay Latin: placeholders, tags, addresses, codes, names, tokens of scripts, and what people have to type so.
LATIN_PARTS = re.compile(
    r"%\(\w+\)[a-z]|%%|%[sd]|\{\w*\}|<[^>]*>|&\w+;|https?://\S+|[\w.]+@[\w.]+|(?<!\w)/[a-z]+/"
    r"|\b[A-Z]{2}[0-9]{2}[0-9A-Z ]*[0-9]"
    r"|\b(?:Bulq|Redis|CSV|JSON|QR|IBAN|BIC|EUR|RSD|USD|MB|GB|kB|IPS|EPC|TOTP|PIN|URL|UTF|HTML|API|CET|UTC|ISO"
    r"|NAME|PRODUCT|AMOUNT|counted|divisible|name|price|kg|g|L|ml|h|min|id|Europe|Vienna|RZBAATWW|a–z|[IVX]{2,})\b"
    r"|\b\w*[qwxyQWXY]\w*\b"
)


def cyrillic(text):
    """Serbian Latin text in Cyrillic; markup and placeholders stay."""
    written, end = [], 0
    for part in LATIN_PARTS.finditer(text):
        written += [_letters(text[end : part.start()]), part[0]]
        end = part.end()
    return "".join([*written, _letters(text[end:])])


def _letters(text):
    text = APART.sub(lambda found: f"{found[0]}\ue000", text)
    for latin, letter in DIGRAPHS.items():
        text = text.replace(latin, letter).replace(latin.capitalize(), letter.upper())
        text = text.replace(latin.upper(), letter.upper())
    for latin, letter in LETTERS.items():
        text = text.replace(latin, letter).replace(latin.upper(), letter.upper())
    return text.replace("\ue000", "")


def cyrillic_catalogue():
    """The text of `locale/sr/LC_MESSAGES/django.po`."""
    source = path_of(LATIN).read_text(encoding="utf-8")
    head = source.split("\n\n", 1)[0].replace("(Latin)", "(Cyrillic)")
    head = head.replace(f"Language: {LATIN}", f"Language: {CYRILLIC}")
    head = f"# Made from {LATIN} by dev/texts.py: change that one.\n{head}"
    catalogue = read(LATIN)
    for message in catalogue:
        if message.id:
            texts = message.string
            message.string = tuple(map(cyrillic, texts)) if isinstance(texts, tuple) else cyrillic(texts)
    written = io.BytesIO()
    write_po(written, catalogue, width=0)
    _head, body = written.getvalue().decode().split("\n\n", 1)
    return f"{head}\n\n{body}"


# --- Files -------------------------------------------------------------------------------------------
def path_of(language, ending="po"):
    return LOCALE / language / "LC_MESSAGES" / f"django.{ending}"


def read(language):
    return read_po(io.BytesIO(path_of(language).read_bytes()), locale=language)


def languages():
    return sorted(path.parents[1].name for path in LOCALE.glob("*/LC_MESSAGES/django.po"))


def extract():
    """What is in the sources and not in the catalogues becomes an empty entry, or one marked as fuzzy."""
    if shutil.which("xgettext") is None:
        raise SystemExit("Install gettext first: apt-get install gettext")
    names = [f"--locale={language}" for language in languages() if language != CYRILLIC]
    ignored = [f"--ignore={pattern}" for pattern in NOT_OURS]
    command = [sys.executable, "manage.py", "makemessages", *names, *OPTIONS, *ignored]
    subprocess.run(command, cwd=ROOT, check=True, env=SETTINGS | os.environ)


def compile_all():
    for language in languages():
        with path_of(language, "mo").open("wb") as file:
            write_mo(file, read(language))


def main():
    extract()
    path_of(CYRILLIC).parent.mkdir(parents=True, exist_ok=True)
    path_of(CYRILLIC).write_text(cyrillic_catalogue(), encoding="utf-8")
    compile_all()


if __name__ == "__main__":
    main()
