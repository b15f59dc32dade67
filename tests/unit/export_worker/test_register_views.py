"""What is read from the register: words for the data subject, and whether a processor may be read at all."""

from __future__ import annotations

from export_worker.adapters.facts import RegisterFacts
from export_worker.adapters.reading_rights import ReadOnly
from lethe_events.words import Outcome
from lethe_processors.credentials import Credentials
from lethe_processors.register import Processor, Register
from lethe_testkit.tasks import processor

SQL = {"kind": "sql", "dataset": "d.yaml", "read": "env:SHOP_READ", "write": "env:SHOP_WRITE"}


class Registers:
    def __init__(self, *processors: Processor) -> None:
        self.register = Register(version="a" * 64, processors={p.id: p for p in processors})

    def current(self) -> Register:
        return self.register


def test_the_register_is_told_in_words_with_its_law() -> None:
    transfer = {"mechanism": "scc_2021_914", "country": "US"}
    facts = RegisterFacts(Registers(processor("mailer", role="processor", transfer=transfer))).of("mailer")
    assert facts.external
    assert "Art. 6(1)(b)" in facts.purposes[0].lawful_basis
    assert any("user.contact.email" in category and "Email" in category for category in facts.categories)
    assert facts.transfer == "US, under scc_2021_914"
    assert facts.retention[0].until == "the account is closed"


def test_a_processor_that_left_the_register_is_still_named() -> None:
    facts = RegisterFacts(Registers()).of("gone")
    assert (facts.name, facts.external, facts.purposes) == ("gone", False, ())


def test_a_processor_with_one_credential_for_both_is_not_read() -> None:
    same = "postgresql://shop:a@db.example/shop"
    guard = ReadOnly(Credentials({"SHOP_READ": same, "SHOP_WRITE": same}))
    answer = guard(processor("shop", connector=SQL))
    assert answer is not None
    assert answer.outcome is Outcome.NEEDS_PERSON
    assert list(guard.faults([processor("shop", connector=SQL), processor("http")])) == ["shop"]


def test_a_processor_whose_writing_credential_is_not_here_is_read() -> None:
    guard = ReadOnly(Credentials({"SHOP_READ": "postgresql://reader:a@db.example/shop"}))
    assert guard(processor("shop", connector=SQL)) is None
    assert guard(processor("readonly", connector={**SQL, "write": None})) is None
