from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from intake.domain.asked import NOTHING, Asked
from intake.domain.errors import InvalidSubmission
from intake.domain.fingerprint import Fingerprints
from intake.domain.model import Controller, Deadline
from intake.domain.repeats import Owner, may_attach
from intake.domain.submission import CLOCK_SKEW, check
from intake.domain.transmission import Target
from lethe_events.words import Channel, Right

if TYPE_CHECKING:
    from intake.domain.model import Submission

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
CONTROLLERS = {
    "acme": Controller("acme", "Acme", "DE", "privacy@acme.example"),
    "britannia": Controller("britannia", "Britannia", "GB-EAW", "privacy@britannia.example"),
    "abroad": Controller("abroad", "Abroad", "GB", "privacy@abroad.example", regime="gdpr"),
}


@dataclass(frozen=True)
class Form:
    controller_id: str = "acme"
    right: Right = Right.ERASURE
    export_first: bool = False
    identifiers: dict[str, list[str]] = field(default_factory=lambda: {"email": ["mina@people.example"]})
    channel: Channel = Channel.WEB_FORM
    received_at: datetime | None = None
    country: str | None = None
    note: str | None = None
    identity_method: str = "controller_session"
    identity_reason: str | None = None
    identity_mandate: str | None = None
    identity_assertion: str | None = None
    asked: Asked = NOTHING
    language: str | None = None


def submit(**changes: Any) -> Submission:
    return check(replace(Form(), **changes), controllers=CONTROLLERS, now=NOW)


@pytest.mark.parametrize(
    ("changes", "field_", "words"),
    [
        ({"controller_id": "nobody", "country": "DE"}, "controller_id", "is not a controller"),
        ({"country": "ZZ"}, "country", "has no calendar"),
        ({"country": "US"}, "country", "has no calendar"),
        ({"country": "de"}, "country", "has no calendar"),
        ({"received_at": NOW + timedelta(hours=1)}, "received_at", "in the future"),
        ({"received_at": NOW + CLOCK_SKEW + timedelta(seconds=1)}, "received_at", "in the future"),
        ({"received_at": datetime(2016, 11, 23, tzinfo=UTC)}, "received_at", "before the GDPR applied"),
        ({"identifiers": {}}, "identifiers", "names nobody"),
        ({"identifiers": {"email": ["nonsense"]}}, "identifiers.email[0]", "not an e-mail address"),
        ({"right": Right.ACCESS, "export_first": True}, "export_first", "only with right erasure"),
    ],
)
def test_each_fault_names_its_field_and_what_to_do(changes: dict[str, Any], field_: str, words: str) -> None:
    with pytest.raises(InvalidSubmission) as caught:
        submit(**changes)
    (fault,) = caught.value.faults
    assert fault.field == field_
    assert words in fault.message
    assert fault.fix


def test_a_copy_goes_to_a_listed_target_of_the_controller_only() -> None:
    targets = {"other": Target("other", "Other", "https://other.example/in", frozenset({"acme"}))}

    def ask(to: str, **changes: Any) -> Submission:
        form = replace(Form(right=Right.PORTABILITY, asked=Asked(transmit_to=to)), **changes)
        return check(form, controllers=CONTROLLERS, now=NOW, targets=targets)

    assert ask("other").particulars.transmit_to == "other"
    for wrong in ({"to": "another"}, {"to": "other", "controller_id": "britannia"}):
        with pytest.raises(InvalidSubmission) as caught:
            ask(**wrong)
        assert [f.field for f in caught.value.faults] == ["transmit_to"]
    with pytest.raises(InvalidSubmission):
        ask("other", right=Right.ACCESS)


def test_all_faults_come_together() -> None:
    with pytest.raises(InvalidSubmission) as caught:
        submit(controller_id="nobody", country="ZZ", received_at=NOW + timedelta(days=1), identifiers={})
    assert {f.field for f in caught.value.faults} == {"controller_id", "country", "received_at", "identifiers"}


def test_the_country_and_law_are_the_controllers_unless_told_otherwise() -> None:
    assert (submit().country, submit().regime) == ("DE", "gdpr")
    assert (submit(country="FR").country, submit(country="FR").regime) == ("FR", "gdpr")
    british = submit(controller_id="britannia")
    assert (british.country, british.regime) == ("GB-EAW", "uk-gdpr")
    assert submit(controller_id="abroad").regime == "gdpr"


def test_receipt_is_now_unless_told_and_a_clock_a_little_ahead_counts_as_now() -> None:
    assert submit().received_at == NOW
    assert submit().stated_received_at is None
    assert submit(received_at=NOW + timedelta(seconds=20)).received_at == NOW
    earlier = datetime.fromisoformat("2026-11-20T23:30:00+01:00")
    assert submit(received_at=earlier).received_at == earlier


def test_a_submission_does_not_show_the_person_when_printed() -> None:
    shown = repr(submit(note="lives in Rose Lane"))
    assert "mina" not in shown
    assert "Rose" not in shown


PRINTS = Fingerprints(b"k" * 32)


def fingerprint(**changes: Any) -> bytes:
    return PRINTS.of_request(submit(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"identifiers": {"email": ["MINA@people.example", "mina@people.example"]}},
        {"country": "DE"},  # the controller's own
        {"note": ""},
    ],
)
def test_what_asks_for_the_same_has_the_same_fingerprint(changes: dict[str, Any]) -> None:
    assert fingerprint(**changes) == fingerprint()


def asking(right: Right, **asked: Any) -> Submission:
    return submit(right=right, asked=Asked(**asked))


def test_what_asks_for_another_purpose_or_another_value_has_another_fingerprint() -> None:
    asked = [
        asking(Right.CONSENT_WITHDRAWAL, purposes=("a",)),
        asking(Right.CONSENT_WITHDRAWAL, purposes=("b",)),
        asking(Right.CONSENT_WITHDRAWAL, purposes=("a", "b")),
        asking(Right.RECTIFICATION, corrections={"t.f": "1"}),
        asking(Right.RECTIFICATION, corrections={"t.f": 1}),
        asking(Right.RECTIFICATION, corrections={"t.g": "1"}),
        asking(Right.RECTIFICATION, corrections={"t.f": "1"}, contested=True),
    ]
    assert len({PRINTS.of_request(one) for one in asked}) == len(asked)
    again = asking(Right.CONSENT_WITHDRAWAL, purposes=("b", "a", "b"))
    assert PRINTS.of_request(again) == PRINTS.of_request(asked[2]), "order and repeats make no other request"


def test_a_request_that_asks_for_something_of_its_own_is_never_answered_with_an_open_one() -> None:
    one = asking(Right.CONSENT_WITHDRAWAL, purposes=("a",))
    deadline = Deadline(NOW, NOW, NOW.date(), "r")
    owner = Owner(UUID(int=1), over=False, export_first=False, identity=one.identity, deadline=deadline)
    assert not may_attach(one, owner)
    assert may_attach(submit(right=Right.ACCESS), owner)


def test_the_order_of_kinds_and_values_is_no_difference() -> None:
    one = {"email": ["a@people.example", "b@people.example"], "customer_id": ["1"]}
    other = {"customer_id": ["1"], "email": ["b@people.example", "a@people.example"]}
    assert fingerprint(identifiers=one) == fingerprint(identifiers=other)


DIFFERENT: list[dict[str, Any]] = [
    {},
    {"controller_id": "britannia", "country": "DE"},
    {"right": Right.ACCESS},
    {"export_first": True},
    {"identifiers": {"email": ["tom@people.example"]}},
    {"identifiers": {"email": ["mina@people.example", "tom@people.example"]}},
    {"identifiers": {"customer_id": ["mina@people.example"]}},
    {"identifiers": {"email": ["mina@people.example"], "customer_id": ["1"]}},
    {"identifiers": {"email": ["mina@people.example"], "customer_id": ["1", "1:1,"]}},
    {"identifiers": {"email": ["mina@people.example"], "customer_id": ["1,1:1"]}},
    {"channel": Channel.LETTER},
    {"received_at": NOW - timedelta(days=1)},
    {"received_at": NOW},
    {"country": "FR"},
    {"note": "please hurry"},
    {"identity_method": "id_card_seen"},
]


def test_any_difference_in_what_is_asked_gives_another_fingerprint() -> None:
    assert len({fingerprint(**changes) for changes in DIFFERENT}) == len(DIFFERENT)


def test_fingerprints_are_keyed() -> None:
    assert Fingerprints(b"z" * 32).of_request(submit()) != fingerprint()
    assert Fingerprints(b"z" * 32).of_key("acme", "k") != PRINTS.of_key("acme", "k")
    with pytest.raises(ValueError, match="32 are needed"):
        Fingerprints(b"short")


def test_the_form_of_a_fingerprint_never_changes() -> None:
    """Rows written years ago are compared with it."""
    assert fingerprint().hex() == "e0bf35eaa8ba569f9b8d3e8e991e54bcb8aaccb60c76cd05a88f6dc7c27b10e7"
    assert PRINTS.of_key("acme", "k").hex() == "233908e0ffcb47c9ad66dc5f12949fbf"


def test_keys_of_two_controllers_do_not_meet() -> None:
    assert PRINTS.of_key("acme", "k") != PRINTS.of_key("britannia", "k")
    assert PRINTS.of_key("a", "b,c") != PRINTS.of_key("a,b", "c")
    assert len(PRINTS.of_key("acme", "k")) == 16
