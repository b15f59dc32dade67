"""What a look may say, and who may take it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from export_worker.domain.binding import is_export_task_of
from export_worker.domain.errors import WrongCredential
from export_worker.domain.looking import judge_export, judge_look, refuse_writing_credential
from lethe_events.ids import task_id
from lethe_events.models import Count, Retained
from lethe_events.words import Grade, Method, Outcome
from lethe_processors.connector import Answer

KEPT = Retained(collection="invoices", category="user.financial", rows=2, ground="tax", article="GDPR Art. 17(3)(b)")
FOUND = Count(collection="orders", method=Method.FOUND, rows=3)
NONE_FOUND = Count(collection="orders", method=Method.FOUND, rows=0)
DSR = uuid.UUID(int=1)
LATER = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT), Outcome.NOTHING_FOUND),
        (Answer(Outcome.NOTHING_FOUND, counts=(NONE_FOUND,)), Outcome.NOTHING_FOUND),
        (Answer(Outcome.NOTHING_FOUND, counts=(FOUND,)), Outcome.RESIDUAL),  # says absent, counts three
        (Answer(Outcome.DONE), Outcome.FAILED),  # a look changes nothing: what was done?
        (Answer(Outcome.RETAINED, retained=(KEPT,)), Outcome.RETAINED),
        (Answer(Outcome.RETAINED), Outcome.FAILED),  # kept by which law?
        (Answer(Outcome.RESIDUAL, counts=(FOUND,)), Outcome.RESIDUAL),
        (Answer(Outcome.ACCEPTED, expected_by=LATER), Outcome.ACCEPTED),
        (Answer(Outcome.ACCEPTED), Outcome.FAILED),  # until when?
        (Answer.transient("busy"), Outcome.FAILED),
        (Answer(Outcome.NEEDS_PERSON), Outcome.NEEDS_PERSON),
    ],
)
def test_a_look_is_believed_only_about_absence(answer: Answer, outcome: Outcome) -> None:
    assert judge_look(answer).outcome is outcome


@pytest.mark.parametrize(
    ("answer", "delivered", "outcome"),
    [
        (Answer(Outcome.DONE), True, Outcome.DONE),
        (Answer(Outcome.DONE), False, Outcome.NOTHING_FOUND),  # exported nothing
        (Answer(Outcome.NOTHING_FOUND), False, Outcome.NOTHING_FOUND),
        (Answer(Outcome.NOTHING_FOUND), True, Outcome.FAILED),  # and yet records came
        (Answer(Outcome.RETAINED, retained=(KEPT,)), True, Outcome.FAILED),  # an export keeps nothing
        (Answer(Outcome.RESIDUAL), False, Outcome.FAILED),
        (Answer(Outcome.ACCEPTED, expected_by=LATER), False, Outcome.ACCEPTED),
        (Answer(Outcome.ACCEPTED), False, Outcome.FAILED),
    ],
)
def test_an_export_is_told_as_what_it_delivered(answer: Answer, delivered: bool, outcome: Outcome) -> None:
    assert judge_export(answer, delivered=delivered).outcome is outcome


@pytest.mark.parametrize(
    "secrets",
    [
        {"env:READ": "postgresql://lethe:a@db.example/shop", "env:WRITE": "postgresql://lethe:a@db.example/shop"},
        # another password or option, the same role
        {"env:READ": "postgresql://lethe:b@db.example/shop?x=1", "env:WRITE": "postgresql://lethe:a@db.example/shop"},
        {"env:READ": "token", "env:WRITE": "token"},
    ],
)
def test_nothing_is_read_with_a_credential_that_could_write(secrets: dict[str, str]) -> None:
    with pytest.raises(WrongCredential) as refused:
        refuse_writing_credential("env:READ", "env:WRITE", secrets.get)
    assert not any(secret in str(refused.value) for secret in secrets.values())


@pytest.mark.parametrize(
    "secrets",
    [
        {"env:READ": "postgresql://reader:a@db.example/shop", "env:WRITE": "postgresql://writer:a@db.example/shop"},
        {"env:READ": "postgresql://reader:a@db.example/shop"},  # as it should be: the other one is not here
        {"env:READ": "token-1", "env:WRITE": "token-2"},
        {},
    ],
)
def test_credentials_of_two_roles_are_accepted(secrets: dict[str, str]) -> None:
    refuse_writing_credential("env:READ", "env:WRITE", secrets.get)


def test_the_same_reference_is_refused_even_without_its_secret() -> None:
    with pytest.raises(WrongCredential):
        refuse_writing_credential("env:SHOP", "env:SHOP", lambda _: None)


def test_a_processor_can_only_name_its_own_tasks() -> None:
    first, third = (task_id(DSR, "crm", "export", round_) for round_ in (1, 3))
    assert is_export_task_of(first, DSR, "crm")
    assert is_export_task_of(third, DSR, "crm")
    assert not is_export_task_of(first, DSR, "shop")
    assert not is_export_task_of(first, uuid.UUID(int=2), "crm")
    assert not is_export_task_of(task_id(DSR, "crm", "erase", 1), DSR, "crm")
    assert not is_export_task_of(task_id(DSR, "crm", "export", 99), DSR, "crm")


def test_a_failure_always_has_a_reason() -> None:
    assert judge_look(Answer(Outcome.FAILED)) == Answer.permanent("failed_without_reason")
    assert judge_export(Answer(Outcome.FAILED), delivered=False) == Answer.permanent("failed_without_reason")
