"""Account numbers: what is typed, kept compact, and shown in groups.

A number is kept as an IBAN without blanks, or as the 18 digits of a Serbian account; each Serbian account has both
forms. `ValidationError` says what is wrong with a number.
"""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum import bic, iban
from stdnum.exceptions import InvalidChecksum
from stdnum.exceptions import ValidationError as Invalid

# The European Economic Area, by the letters its IBANs begin with. Codes for accounts elsewhere need a BIC (EPC069-12).
EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()  # noqa: SIM905 - thirty lines as a list
)
LIKE_AN_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}")
SERBIAN_IBAN = "RS35"  # the number itself is 1 modulo 97, so all Serbian IBANs have these check digits


def parse_account(text):
    """The compact form of an account number as typed or pasted: with blanks, dashes, the word IBAN, wide digits."""
    parts = _parts(text)
    joined = "".join(parts)
    if joined.isascii() and joined.isdecimal():
        return _serbian(parts)
    number = joined.removeprefix("IBAN").removeprefix(":")
    if not LIKE_AN_IBAN.fullmatch(number):
        raise _no_account()
    try:
        iban.validate(number)
    except InvalidChecksum:
        raise _wrong_digits() from None
    except Invalid:
        raise _no_account() from None
    if iban.calc_check_digits(number) != number[2:4]:
        raise _wrong_digits()
    if number.startswith("RS"):
        _check_serbian(number[4:])
    return number


def parse_bic(text):
    try:
        return bic.validate("".join(_parts(text)))
    except Invalid:
        sentence = _("A BIC has 8 or 11 letters and digits, for example RZBAATWW. Your bank tells you yours.")
        raise ValidationError(sentence, code="bic") from None


def _parts(text):
    """In upper case, divided at blanks and dashes, without letters nobody sees."""
    letters = unicodedata.normalize("NFKC", text).upper()
    letters = "".join(letter for letter in letters if unicodedata.category(letter) != "Cf")
    letters = "".join("-" if unicodedata.category(letter) == "Pd" else letter for letter in letters)
    return [part for part in re.split(r"[\s-]+", letters) if part]


def _serbian(parts):
    """Bank, number, check digits; the number may be written without its leading zeros: 165-55-74."""
    if len(parts) == 3 and len(parts[0]) == 3 and len(parts[1]) <= 13 and len(parts[2]) == 2:
        parts = [parts[0], parts[1].zfill(13), parts[2]]
    number = "".join(parts)
    if len(number) != 18:
        sentence = _("A Serbian account has 18 digits, or is written like 265-1234567-57. For others, enter the IBAN.")
        raise ValidationError(sentence, code="account")
    _check_serbian(number)
    return number


def _check_serbian(number):
    if int(number[16:]) != 98 - int(number[:16]) * 100 % 97:
        raise _wrong_digits()


def _no_account():
    sentence = _("Enter an IBAN, for example AT61 1904 3002 3457 3201, or a Serbian account like 265-1234567-57")
    return ValidationError(sentence, code="account")


def _wrong_digits():
    sentence = _("The check digits don't match, so at least one digit is wrong. Please compare it once more.")
    return ValidationError(sentence, code="check_digits")


# --- Numbers that are kept -------------------------------------------------------------------------
def serbian_digits(account):
    """The 18 digits of a Serbian account, "" for any other."""
    number = account.removeprefix(SERBIAN_IBAN)
    return number if number.isdecimal() else ""


def iban_of(account):
    return SERBIAN_IBAN + account if account.isdecimal() else account


def needs_bic(account):
    return iban_of(account)[:2] not in EEA


def in_groups(account):
    """The groups people read: four by four, or bank, number and check digits."""
    if account.isdecimal():
        return [account[:3], account[3:16], account[16:]]
    return [account[start : start + 4] for start in range(0, len(account), 4)]


def as_written(account):
    return ("-" if account.isdecimal() else " ").join(in_groups(account))
