"""M6: what a bank's app reads is what the page says, whatever people are called. Read by an independent decoder."""

from decimal import Decimal
from itertools import product

import pytest

from bulq.kit.bank import iban_of, serbian_digits
from bulq.kit.paycodes import MOST, MOST_BYTES, Transfer, with_code
from bulq.tests.codes import read

GERMAN, SWISS = "DE89370400440532013000", "CH9300762011623852957"
SERBIAN = "115038169338697697"
NAMES = (
    "Ana",
    "Љиљана Ђорђевић",
    "Zoë Müller-Ångström",
    'Ana "Ani" O\'Neil',
    "Ana|I:RSD9,00|S:x",
    "Ana\nDE00\r\nGB82WEST12345698765432",
    "Ana\u2028EUR1\x85x\x0by",
    " Ana\tBo ",
    "Ana\x1b[31m\x7fBo",
    "Ж" * 100,
    "🛒" * 100,
    "陳大文",
    "K:PR:V",
)


def short(text):
    return ascii(text)[:16]


def coded(name="Ana", account=GERMAN, bic="", amount="21.35", currency="EUR", purpose="Bulq 57 Lea"):
    return with_code(Transfer(name, account, bic, Decimal(amount), currency, purpose))


def lines(code):
    found = read(**code)
    assert found.ec_level == "M"
    assert code["size"] <= 13 * 4 + 17 + 8
    data = found.bytes
    assert len(data) <= MOST_BYTES
    return data.decode()


# --- Euros -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "purpose"), list(product(NAMES, ("Bulq 57 Lea", "a|b\nc", "Ж" * 200, "🛒" * 140))), ids=short
)
def test_each_line_of_a_code_for_euros_is_what_the_page_says(name, purpose):
    shown, code = coded(name, purpose=purpose)
    said = lines(code).split("\n")
    assert said[:5] == ["BCD", "002", "1", "SCT", ""]
    assert said[5:] == [shown.name, GERMAN, "EUR21.35", "", "", shown.purpose]
    assert 0 < len(shown.name) <= 70
    assert 0 < len(shown.purpose) <= 140
    assert shown.name.isprintable()
    assert " ".join(name.split()).startswith(shown.name[:3])


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0.01", "0.01"), ("3000.00", "3000"), ("1234567.80", "1234567.8"), (str(MOST), "999999999.99")],
)
def test_amounts_in_euros_are_plain(amount, said):
    assert lines(coded(amount=amount)[1]).split("\n")[7] == f"EUR{said}"


@pytest.mark.parametrize("amount", ["0.00", "-1.00", str(MOST + Decimal("0.01"))])
@pytest.mark.parametrize(("account", "currency"), [(GERMAN, "EUR"), (SERBIAN, "RSD")])
def test_an_amount_nobody_can_pay_has_no_code(amount, account, currency):
    assert coded(account=account, amount=amount, currency=currency)[1] is None


@pytest.mark.parametrize("account", [SWISS, SERBIAN, f"RS35{SERBIAN}"])
def test_outside_the_eea_a_code_for_euros_needs_a_bic(account):
    assert coded(account=account)[1] is None
    shown, code = coded(account=account, bic="RZBSRSBG")
    assert lines(code).split("\n")[4:7] == ["RZBSRSBG", "Ana", iban_of(account)]
    assert shown.account == iban_of(account)


def test_the_longest_of_everything_still_fits():
    """An IBAN of 31 characters is the longest there is."""
    maltese, amount = "MT84MALT011000012345MTLCAST001S", str(MOST)
    shown, code = coded("Ж" * 70, maltese, "MALTMTMTXXX", amount, purpose="Ж" * 70)
    assert lines(code).endswith(f"\n{'Ж' * 70}\n{maltese}\nEUR{amount}\n\n\n{shown.purpose}")
    assert 35 <= len(shown.purpose) < 70


# --- Dinars ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "purpose"), list(product(NAMES, ("Bulq 57 Леа", "a|I:RSD1,00\nc", "Ж" * 200, "🛒" * 99))), ids=short
)
def test_each_tag_of_a_code_for_dinars_is_what_the_page_says(name, purpose):
    shown, code = coded(name, SERBIAN, amount="1025", currency="RSD", purpose=purpose)
    tags = lines(code).split("|")
    assert tags[:4] == ["K:PR", "V:01", "C:1", f"R:{SERBIAN}"]
    assert tags[4:] == [f"N:{shown.name}", "I:RSD1025,00", "SF:289", f"S:{shown.purpose}"]
    assert 0 < len(shown.name) <= 70
    assert 0 < len(shown.purpose) <= 35
    assert shown.name.isprintable()


@pytest.mark.parametrize(("amount", "said"), [("0.01", "0,01"), ("3000.5", "3000,50"), (str(MOST), "999999999,99")])
def test_amounts_in_dinars_have_a_comma_and_two_decimals(amount, said):
    tags = lines(coded(account=SERBIAN, amount=amount, currency="RSD")[1]).split("|")
    assert tags[5] == f"I:RSD{said}"
    assert len(tags[5]) <= 2 + 18


def test_a_serbian_iban_serves_for_both():
    shown, code = coded(account=f"RS35{SERBIAN}", currency="RSD")
    assert f"|R:{SERBIAN}|" in lines(code)
    assert shown.account == serbian_digits(f"RS35{SERBIAN}") == SERBIAN


def test_dinars_cannot_go_to_other_accounts_and_other_currencies_have_no_code():
    assert coded(account=GERMAN, currency="RSD") == (coded(account=GERMAN, currency="RSD")[0], None)
    assert coded(account=SWISS, bic="UBSWCHZH", currency="CHF")[1] is None


def test_a_name_of_nothing_but_bars_has_no_code_for_dinars():
    assert coded("|||", SERBIAN, currency="RSD")[1] is None
