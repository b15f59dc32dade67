"""Identifiers from the vault, for a batch of tasks, on record per task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from lethe_processors.worker.bench import Opened

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from lethe_events.models import TaskRequested

R_contra = TypeVar("R_contra", contravariant=True)
R = TypeVar("R")


class Identifiers(Protocol):
    @property
    def values(self) -> Mapping[str, tuple[str, ...]]: ...


class Redeemed(Protocol):
    """What could be opened, by DSR; `tampered` names those that are not what was sealed."""

    @property
    def tampered(self) -> Collection[UUID]: ...

    @property
    def corrections(self) -> Mapping[UUID, Mapping[str, object]]: ...

    def items(self) -> Iterable[tuple[UUID, Identifiers]]: ...


class Redeems(Protocol[R_contra]):
    """The vault."""

    async def redeem(self, items: Sequence[R_contra]) -> Redeemed: ...


def redeem_from(
    vault: Redeems[R], redemption: Callable[[UUID, UUID], R]
) -> Callable[[Sequence[TaskRequested]], Awaitable[Opened]]:
    """`redemption` makes the vault's own request from a DSR and a task."""

    async def redeem(tasks: Sequence[TaskRequested]) -> Opened:
        found = await vault.redeem([redemption(task.dsr_id, task.task_id) for task in tasks])
        return Opened({dsr_id: one.values for dsr_id, one in found.items()}, found.tampered, found.corrections)

    return redeem
