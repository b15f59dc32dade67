"""What may be asked of a person, and what a code gives away: nothing."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from intake.domain.identity import Codes, Doubt, Manner, may_be_asked
from lethe_letters import Language
from lethe_testkit.intake_offline import GOOD, Site, offline_site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IDS = [UUID(int=n) for n in range(200)]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with offline_site() as made:
        yield made


def test_a_code_is_eight_digits_the_same_for_its_id_and_another_for_each() -> None:
    codes = Codes(b"k" * 32)
    made = [codes.code(i) for i in IDS]
    assert all(len(c) == 8 and c.isdigit() for c in made)
    assert made == [codes.code(i) for i in IDS]
    assert len(set(made)) == len(IDS)
    assert not set(made) & {Codes(b"l" * 32).code(i) for i in IDS}, "it depends on the secret"


def test_only_the_code_itself_matches_and_only_its_own_hash() -> None:
    codes = Codes(b"k" * 32)
    one, two = IDS[1], IDS[2]
    kept, code = codes.hash(one, codes.code(one)), codes.code(one)
    assert codes.matches(one, f" {code[:4]}-{code[4:]} ", kept)
    assert not codes.matches(one, codes.code(two), kept)
    assert not codes.matches(two, code, kept)
    assert not codes.matches(one, "", kept)
    assert not codes.matches(UUID(int=0), "00000000", bytes(32))
    assert code.encode() not in kept


@pytest.mark.parametrize(
    ("manner", "doubt", "right", "kinds", "sensitive", "allowed"),
    [
        (Manner.CALLED_BACK, Doubt.UNKNOWN_ADDRESS, "access", ["email"], False, True),
        (Manner.DOCUMENT_SEEN, Doubt.UNKNOWN_ADDRESS, "access", ["email"], False, False),  # a code does it
        (Manner.DOCUMENT_SEEN, Doubt.UNKNOWN_ADDRESS, "access", ["email"], True, True),  # EDPB 01/2022 §76
        (Manner.DOCUMENT_SEEN, Doubt.SEVERAL_PERSONS, "erasure", ["customer_id"], False, True),  # no address at all
        (Manner.DOCUMENT_SEEN, Doubt.SUSPECTED_MISUSE, "consent_withdrawal", [], True, False),  # not in Art. 15 to 21
        (Manner.DOCUMENT_SEEN, Doubt.SUSPECTED_MISUSE, "automated_decision", [], True, False),
        (Manner.MANDATE_SEEN, Doubt.UNCLEAR_MANDATE, "access", ["email"], False, True),
        (Manner.MANDATE_SEEN, Doubt.UNKNOWN_ADDRESS, "access", ["email"], False, False),  # nobody acts for anybody
    ],
)
def test_no_more_is_asked_than_the_doubt_needs(
    manner: Manner, doubt: Doubt, right: str, kinds: list[str], sensitive: bool, allowed: bool
) -> None:
    assert may_be_asked(manner, doubt=doubt, right=right, kinds=kinds, sensitive=sensitive) is allowed


@pytest.mark.parametrize(
    ("identity", "field"),
    [
        ({"method": "in_doubt"}, "identity.reason"),
        ({"method": "in_doubt", "reason": "policy"}, "identity.reason"),  # asking always is no doubt
        ({"method": "controller_session", "reason": "unknown_address"}, "identity.reason"),
        ({"method": "authorised_agent"}, "identity.mandate"),
        ({"method": "authorised_agent", "mandate": "of Mina Castellanos"}, "identity.mandate"),
        ({"method": "controller_session", "mandate": "M-1"}, "identity.mandate"),
        ({"method": "signed_assertion"}, "identity.assertion"),
        ({"method": "controller_session", "assertion": "e30.e30.e30"}, "identity.assertion"),
    ],
)
async def test_what_is_said_about_identity_holds_together(site: Site, identity: dict[str, Any], field: str) -> None:
    response = await site.post(GOOD | {"identity": identity})
    assert response.status_code == 422
    assert [e["field"] for e in response.json()["errors"]] == [field]
    assert not site.shelf.rows


async def test_doubts_and_mandates_are_recorded_with_the_request_and_nothing_else_is(site: Site) -> None:
    said = [
        {"method": "in_doubt", "reason": "unclear_mandate", "mandate": "M/7"},
        {"method": "authorised_agent", "mandate": "M-2026-17"},
        {"method": "controller_session"},
    ]
    for number, identity in enumerate(said):
        assert (await site.post(GOOD | {"identity": identity}, key=str(number))).status_code == 202
    kept = [(c.submission.doubt, c.submission.mandate) for c in site.shelf.recorded]
    assert kept == [("unclear_mandate", "M/7"), (None, "M-2026-17")]


async def test_the_same_key_with_another_doubt_is_another_request(site: Site) -> None:
    for doubt, status in (("unknown_address", 202), ("unknown_address", 202), ("several_persons", 409)):
        response = await site.post(GOOD | {"identity": {"method": "in_doubt", "reason": doubt}})
        assert response.status_code == status


def test_each_doubt_can_be_told_in_each_language() -> None:
    texts = tomllib.loads(resources.files("intake.adapters").joinpath("doubts.toml").read_text(encoding="utf-8"))
    assert {language: set(said) for language, said in texts.items()} == {
        language.value: {doubt.value for doubt in Doubt} for language in Language
    }
