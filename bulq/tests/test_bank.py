import pytest
from django.core.exceptions import ValidationError

from bulq.kit.bank import EEA, as_written, iban_of, needs_bic, parse_account, parse_bic, serbian_digits

GERMAN = "DE89370400440532013000"


@pytest.mark.parametrize(
    "typed",
    [
        "DE89 3704 0044 0532 0130 00", "de89370400440532013000", "IBAN DE89 3704 0044 0532 0130 00",
        "IBAN: DE89-3704-0044-0532-0130-00", "\u200bDE89\u00a03704\u202f0044 0532 0130 00\u200d",
        "ＤＥ８９370400440532013000", "\u202aDE89370400440532013000\u202c",
    ],
)  # fmt: skip
def test_an_iban_is_kept_compact_however_it_is_typed(typed):
    assert parse_account(typed) == GERMAN
    assert as_written(GERMAN) == "DE89 3704 0044 0532 0130 00"
    assert iban_of(GERMAN) == GERMAN
    assert serbian_digits(GERMAN) == ""


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("165-55-74", "165000000000005574"),
        ("165 55 74", "165000000000005574"),
        ("840–955845–10", "840000000095584510"),
        ("310-1234567891211-86", "310123456789121186"),
        ("115038169338697697", "115038169338697697"),
        ("115 0381693386976 97", "115038169338697697"),
        ("RS35 1150 3816 9338 6976 97", "RS35115038169338697697"),
    ],
)
def test_a_serbian_account_is_padded_and_may_be_an_iban(typed, kept):
    assert parse_account(typed) == kept
    assert parse_account(as_written(kept)) == kept
    assert iban_of(kept) == f"RS35{serbian_digits(kept)}"
    assert len(serbian_digits(kept)) == 18


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("DE88370400440532013000", "check digits"),
        ("DE89370400440532013001", "check digits"),
        ("DE00370400440532013000", "check digits"),
        ("115038169338697600", "check digits"),
        ("115038169338697601", "check digits"),
        ("165-55-75", "check digits"),
        ("RS36115038169338697697", "check digits"),
        ("RS35115038169338697698", "check digits"),
        ("DE8937040044053201300", "check digits"),
        ("165-55-7", "18 digits"),
        ("1234", "18 digits"),
        ("hello", "Enter an IBAN"),
        ("IBAN", "Enter an IBAN"),
        ("٣٤٥", "Enter an IBAN"),
        ("ДЕ89370400440532013000", "Enter an IBAN"),
        ("DE89 3704\x1b", "Enter an IBAN"),
        ("DE89+3704+0044", "Enter an IBAN"),
        ("-", "Enter an IBAN"),
    ],
)
def test_a_wrong_number_is_told_what_is_wrong(typed, sentence):
    with pytest.raises(ValidationError, match=sentence):
        parse_account(typed)


def test_an_iban_has_its_countrys_length_and_check_digits_from_02_to_98():
    """Both are 1 modulo 97."""
    for typed in ("XX0712345678901234", "GB29NWBK6016133192681"):
        with pytest.raises(ValidationError):
            parse_account(typed)


def test_the_eea_needs_no_bic():
    assert len(EEA) == 30
    assert [needs_bic(account) for account in (GERMAN, "115038169338697697", "GB29NWBK60161331926819")] == [
        False, True, True,
    ]  # fmt: skip


def test_a_bic_has_8_or_11_characters_and_a_country():
    assert parse_bic(" rzba at ww ") == "RZBAATWW"
    assert parse_bic("DEUTDEFF500") == "DEUTDEFF500"
    for typed in ("RZBA", "RZBAXXWW", "РZBAATWW", "RZBAATWW12", "1234ATWW"):
        with pytest.raises(ValidationError, match="8 or 11"):
            parse_bic(typed)
