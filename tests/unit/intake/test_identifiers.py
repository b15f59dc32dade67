from __future__ import annotations

import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.domain.identifiers import _PLAIN_EMAIL, normalise_identifiers
from lethe_events.subject_token import normalise


def one(kind: str, value: str, country: str | None = "DE") -> str:
    found, faults = normalise_identifiers({kind: [value]}, country)
    assert faults == []
    return found[kind][0]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("email", " Mina.Castellanos+shop@People.EXAMPLE ", "mina.castellanos+shop@people.example"),
        ("email", "mina@bücher.example", "mina@bücher.example"),
        ("email", "mina@xn--bcher-kva.example", "mina@bücher.example"),
        ("email", "josé@people.example", "josé@people.example"),
        ("phone_number", "030 901820", "+4930901820"),
        ("phone_number", "0049 (30) 90-18-20", "+4930901820"),
        ("phone_number", "+44 20 7946 0018", "+442079460018"),
        ("phone_number", "tel:+49-30-901820", "+4930901820"),
        ("customer_id", "  C-10042\t", "C-10042"),
        ("customer_id", "Größe 7", "Größe 7"),
        ("device_id", "AB:CD", "AB:CD"),
    ],
)
def test_an_identifier_has_one_form(kind: str, value: str, expected: str) -> None:
    assert one(kind, value) == expected
    assert one(kind, expected) == expected
    assert normalise(kind, expected) == expected  # processors compare in the same form


def test_a_national_number_is_dialled_from_the_country_of_the_request() -> None:
    assert one("phone_number", "01 23 45 67 89", "FR") == "+33123456789"
    assert one("phone_number", "020 7946 0018", "GB-SCT") == "+442079460018"
    found, faults = normalise_identifiers({"phone_number": ["030 901820"]}, None)
    assert not found
    assert "country code" in faults[0].fix


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("email", "mina", "not an e-mail address"),
        ("email", "mina@", "not an e-mail address"),
        ("email", "mina@people", "not an e-mail address"),
        ("email", "mina..c@people.example", "not an e-mail address"),
        ("email", "Mina <mina@people.example>", "not an e-mail address"),
        ("email", "mina@people.example, tom@people.example", "not an e-mail address"),
        ("email", "a" * 65 + "@people.example", "not an e-mail address"),
        ("email", "mina@-people.example", "not an e-mail address"),
        ("phone_number", "call me", "not a phone number"),
        ("phone_number", "+49 1", "not a phone number"),
        ("phone_number", "+49 30 901820 901820 901820", "not a phone number"),
        ("phone_number", "+49 30 901820 ext. 5", "extension"),
        ("customer_id", "", "empty"),
        ("customer_id", "   ", "empty"),
        ("customer_id", "a\x00b", "control characters"),
        ("customer_id", "a\nb", "control characters"),
        ("customer_id", "x" * 321, "too long"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_field_without_repeating_it(kind: str, value: str, words: str) -> None:
    good = {"email": "tom@people.example", "phone_number": "+4930901821", "customer_id": "C-1"}[kind]
    found, (fault,) = normalise_identifiers({kind: [good, value]}, "DE")
    assert found == {kind: (good,)}
    assert fault.field == f"identifiers.{kind}[1]"
    assert words in fault.message
    assert fault.fix
    if value.strip():
        assert value.strip() not in f"{fault.message} {fault.fix}"


def test_every_fault_is_told_not_only_the_first() -> None:
    _, faults = normalise_identifiers({"email": ["a", "b@people.example", "c"], "phone_number": ["x"]}, "DE")
    assert [f.field for f in faults] == ["identifiers.email[0]", "identifiers.email[2]", "identifiers.phone_number[0]"]


def test_repeats_count_once_and_the_order_stays() -> None:
    found, _ = normalise_identifiers({"email": ["B@people.example", "a@people.example", "b@PEOPLE.example"]}, "DE")
    assert found == {"email": ("b@people.example", "a@people.example")}


@pytest.mark.parametrize("given_", [{}, {"email": []}])
def test_a_request_that_names_nobody_is_told_so(given_: dict[str, list[str]]) -> None:
    found, (fault,) = normalise_identifiers(given_, "DE")
    assert not found
    assert (fault.field, fault.message) == ("identifiers", "names nobody")


@settings(max_examples=400)
@given(st.from_regex(_PLAIN_EMAIL, fullmatch=True).filter(lambda v: len(v) <= 254))
def test_the_short_cut_takes_only_what_the_library_takes_unchanged(value: str) -> None:
    assert validate_email(value, check_deliverability=False).normalized.casefold() == value.casefold()
