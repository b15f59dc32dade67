"""Back-pressure, packages, redemptions: the small decisions."""

from __future__ import annotations

import uuid

import pytest

from intake.domain.errors import Overloaded
from intake.domain.overload import Limits, Load, refuse_if_overloaded
from intake.domain.package import PackageFacts, PackageState, package_state
from intake.domain.redemption import MAX_ROUND, is_task_of
from lethe_events.ids import task_id
from lethe_events.words import Right, SagaState

LIMITS = Limits(outbox_rows=10, outbox_age_s=60, slowest_s=2, waiting=5)
DOCUMENT = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("load", "waiting", "reason"),
    [
        (Load(), 5, "too_many_waiting"),
        (Load(outbox_rows=10), 0, "outbox_full"),
        (Load(outbox_age_s=60), 0, "outbox_stuck"),
        (Load(slowest_s=2), 0, "database_slow"),
        (Load(database_away=True), 0, "database_away"),
        (Load(vault_away=True), 0, "vault_away"),
        (Load(10, 60, 2, database_away=True, vault_away=True), 5, "vault_away"),  # what is told first, helps first
    ],
)
def test_beyond_a_bound_nothing_is_accepted_and_the_caller_is_told_when_to_come_back(
    load: Load, waiting: int, reason: str
) -> None:
    with pytest.raises(Overloaded) as caught:
        refuse_if_overloaded(load, waiting, LIMITS)
    assert caught.value.reason == reason
    assert caught.value.retry_after >= 1


def test_below_every_bound_all_is_accepted() -> None:
    refuse_if_overloaded(Load(9, 59.9, 1.9), 4, LIMITS)


@pytest.mark.parametrize(
    ("right", "export_first", "state", "document", "expected"),
    [
        (Right.ACCESS, False, SagaState.FULFILLING, None, PackageState.NOT_YET),
        (Right.ACCESS, False, SagaState.ANSWERED, DOCUMENT, PackageState.READY),
        (Right.ACCESS, False, SagaState.CLOSED, DOCUMENT, PackageState.READY),
        (Right.ACCESS, False, SagaState.CLOSED, None, PackageState.NEVER),
        (Right.PORTABILITY, False, SagaState.FULFILLING, None, PackageState.NOT_YET),
        (Right.RECTIFICATION, False, SagaState.FULFILLING, None, PackageState.NEVER),
        (Right.ERASURE, True, SagaState.RECEIVED, None, PackageState.NOT_YET),
        (Right.ERASURE, True, SagaState.VERIFYING, DOCUMENT, PackageState.READY),
        (Right.ERASURE, False, SagaState.RECEIVED, None, PackageState.NEVER),
        (Right.ERASURE, False, SagaState.CLOSED, None, PackageState.NEVER),
    ],
)
def test_a_package_is_ready_once_it_is_there_and_promised_only_where_one_will_come(
    right: Right, export_first: bool, state: SagaState, document: uuid.UUID | None, expected: PackageState
) -> None:
    assert package_state(PackageFacts(right, export_first, state, document)) is expected


def test_a_processor_redeems_for_its_own_tasks_only() -> None:
    dsr, other = uuid.UUID(int=1), uuid.UUID(int=2)
    assert is_task_of("crm", dsr, task_id(dsr, "crm", "erase", 1))
    assert is_task_of("crm", dsr, task_id(dsr, "crm", "verify", MAX_ROUND))
    assert not is_task_of("crm", dsr, task_id(dsr, "shop", "erase", 1))
    assert not is_task_of("crm", other, task_id(dsr, "crm", "erase", 1))
    assert not is_task_of("crm", dsr, task_id(dsr, "crm", "package", 1))
    assert not is_task_of("crm", dsr, uuid.UUID(int=3))
