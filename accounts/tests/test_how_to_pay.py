"""What a person says about how to pay them, in their settings."""

import logging

import pytest

from accounts.models import HowToPay

from .factories import PASSWORD

SETTINGS = "/me/settings/"
PAY = f"{SETTINGS}pay/"
GERMAN = "DE89370400440532013000"


def typed(**changes):
    kept = {"account": "IBAN DE89 3704 0044 0532 0130 00", "bic": "", "text": "Cash is fine, too"}
    return kept | {"current_password": PASSWORD} | changes


def test_it_is_kept_compact_and_shown_in_groups(as_alice, as_bob, alice):
    assert as_alice.post(PAY, typed()).status_code == 302
    kept = HowToPay.objects.get()
    assert (kept.user, kept.account, kept.bic, kept.text) == (alice, GERMAN, "", "Cash is fine, too")
    assert 'value="DE89 3704 0044 0532 0130 00"' in as_alice.get(SETTINGS).text
    assert "DE89" not in as_bob.get(SETTINGS).text


@pytest.mark.parametrize("password", ["", "another one entirely"])
def test_a_borrowed_phone_does_not_lead_payments_elsewhere(as_alice, password):
    answer = as_alice.post(PAY, typed(current_password=password))
    assert answer.status_code == 422
    assert "current password" in str(answer.context["pay_form"]["current_password"].errors)
    assert not HowToPay.objects.exists()


def test_a_serbian_account_is_shown_as_it_is_written_there(as_alice):
    as_alice.post(PAY, typed(account="165-55-74", bic="rzbs rs bg"))
    assert HowToPay.objects.get().account == "165000000000005574"
    page = as_alice.get(SETTINGS).text
    assert 'value="165-0000000000055-74"' in page
    assert 'value="RZBSRSBG"' in page


def test_what_is_saved_replaces_what_was_and_nothing_takes_it_back(as_alice):
    as_alice.post(PAY, typed())
    as_alice.post(PAY, typed(account="", text="Cash, please"))
    assert list(HowToPay.objects.values_list("account", "text")) == [("", "Cash, please")]
    as_alice.post(PAY, typed(account="", text=" "))
    assert not HowToPay.objects.exists()


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("account", "DE88 3704 0044 0532 0130 00", "check digits don&#x27;t match"),
        ("account", "115038169338697600", "check digits don&#x27;t match"),
        ("account", "265-12", "A Serbian account has 18 digits"),
        ("account", "my bank", "Enter an IBAN"),
        ("account", "1" * 101, "This is too long"),
        ("account", "DE89\x003704", "Null characters"),
        ("bic", "RZBA", "8 or 11 letters and digits"),
        ("text", "two\nlines", "Leave out line breaks"),
        ("text", "x" * 201, "at most 200 characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(as_alice, field, text, sentence):
    answer = as_alice.post(PAY, typed(**{field: text}))
    assert answer.status_code == 422
    form = answer.context["pay_form"]
    assert sentence in str(form[field].errors)
    assert form["text"].value() == typed(**{field: text})["text"]
    assert answer.text.count("<title>") == 1
    assert "Error:" in answer.text
    assert not HowToPay.objects.exists()


def test_a_bic_without_an_account_number_is_not_enough(as_alice):
    answer = as_alice.post(PAY, typed(account="", bic="RZBAATWW"))
    assert answer.status_code == 422
    assert "Enter the account number, too" in answer.text


def test_no_log_line_has_what_is_typed(as_alice, caplog):
    caplog.set_level(logging.DEBUG)
    as_alice.post(PAY, typed())
    as_alice.post(PAY, typed(account="DE88370400440532013000"))
    assert "37040044" not in caplog.text.replace(" ", "")
    assert "Cash" not in caplog.text
