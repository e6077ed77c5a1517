"""What banks' apps read from a QR code to fill in a transfer.

For euros EPC069-12, version 002; for dinars NBS IPS, the specification of the National Bank of Serbia. Both say what
the page says beside them: a `Transfer` is cut and folded once, and then shown and encoded.
"""

import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal

import segno
from segno.helpers import make_epc_qr

from .bank import iban_of, needs_bic, serbian_digits
from .qr import drawn

MOST = Decimal("999999999.99")
LONGEST_NAME = 70
LONGEST_PURPOSE = {"EUR": 140, "RSD": 35}
MOST_BYTES = 331  # of a code of version 13, level M; so the EPC's own limit
BETWEEN_PEOPLE = "289"  # the code of the purpose; others are for goods and services of companies
UTF_8 = 1
BORDER = 4


@dataclass(frozen=True)
class Transfer:
    name: str
    account: str  # compact; see bulq.kit.bank
    bic: str
    amount: Decimal
    currency: str
    purpose: str


def with_code(transfer):
    """The transfer as both the page and the code can say it, and its code as a drawing; or None where there is no code.

    There is none for other currencies, for an account that the currency's code cannot name, and for no amount.
    """
    account = (transfer.currency == "RSD" and serbian_digits(transfer.account)) or iban_of(transfer.account)
    name, purpose = one_line(transfer.name), one_line(transfer.purpose) or "Bulq"
    transfer = replace(transfer, name=name, account=account, purpose=purpose)
    encode = {"EUR": _epc, "RSD": _ips}.get(transfer.currency)
    if encode is None or not 0 < transfer.amount <= MOST:
        return transfer, None
    purpose = transfer.purpose[: LONGEST_PURPOSE[transfer.currency]].strip()
    cut, code = encode(replace(transfer, name=transfer.name[:LONGEST_NAME].strip(), purpose=purpose))
    return (cut, drawn(code, BORDER)) if code else (transfer, None)


def one_line(text):
    """Without control characters, which would begin a new field."""
    controls = {"Cc", "Cs", "Zl", "Zp"}
    return " ".join("".join(" " if unicodedata.category(letter) in controls else letter for letter in text).split())


def _epc(transfer):
    if not transfer.account or (needs_bic(transfer.account) and not transfer.bic):
        return transfer, None
    frame = f"BCD\n002\n1\nSCT\n{transfer.bic}\n\n{transfer.account}\nEUR{transfer.amount:.2f}\n\n\n"
    cut = _shortened(transfer, frame)
    code = make_epc_qr(cut.name, cut.account, cut.amount, text=cut.purpose, bic=cut.bic, encoding=UTF_8)
    return cut, code


def _ips(transfer):
    number = serbian_digits(transfer.account)
    name, purpose = (one_line(text.replace("|", " ")) for text in (transfer.name, transfer.purpose))
    if not number or not name:
        return transfer, None  # a name of nothing but bars
    amount = f"RSD{transfer.amount:.2f}".replace(".", ",")
    frame = f"K:PR|V:01|C:1|R:{number}|N:|I:{amount}|SF:{BETWEEN_PEOPLE}|S:"
    cut = _shortened(replace(transfer, name=name, purpose=purpose), frame)
    text = f"K:PR|V:01|C:1|R:{number}|N:{cut.name}|I:{amount}|SF:{BETWEEN_PEOPLE}"
    if cut.purpose:
        text += f"|S:{cut.purpose}"
    return cut, segno.make_qr(text, error="m", boost_error=False, encoding="utf-8")


def _shortened(transfer, frame):
    """First the purpose, then the name, until both fit beside the rest; at least a letter of the purpose stays."""
    room = MOST_BYTES - len(frame.encode())
    purpose = _first_bytes(transfer.purpose, max(room - len(transfer.name.encode()), LONGEST_PURPOSE["RSD"]))
    return replace(transfer, purpose=purpose, name=_first_bytes(transfer.name, room - len(purpose.encode())))


def _first_bytes(text, most):
    """As much as fits into so many bytes of UTF-8, in whole letters."""
    return text.encode()[:most].decode(errors="ignore").strip()
