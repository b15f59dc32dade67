"""What people do to the messaging of a service: the parking lot, offsets, the journal. The same in every service."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from lethe_client.errors import Refused
from lethe_client.settings import MESSAGING_URLS, Settings
from lethe_client.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH = "/v1/messaging"
_PAGE = 200


class MessagingClient(Transport):
    """Scopes: messaging:read to look, messaging:act as well to act. They reach over all controllers."""

    async def parked(self, **filters: object) -> dict[str, Any]:
        """One page by place. Filters: topic, code, state (`any`), after, limit (at most 500)."""
        found: dict[str, Any] = await self.get(f"{_PATH}/parked", filters)
        return found

    async def message(self, place: str) -> dict[str, Any]:
        """One message by `TOPIC/PARTITION/OFFSET`: why it was parked and its form, never its content."""
        found: dict[str, Any] = await self.get(f"{_PATH}/parked/{place}")
        return found

    async def settle(self, act: str, choice: Mapping[str, object]) -> int:
        """`act`: retry or discard. Gives how many messages were settled."""
        return int((await self.post(f"{_PATH}/parked/{act}", choice))["count"])

    async def edit(self, place: str, body: Mapping[str, object], *, type_: str | None, reason: str) -> None:
        """Lay a corrected body beside a message; another person has to retry it."""
        await self.post(f"{_PATH}/parked/{place}/edit", {"body": body, "type": type_, "reason": reason})

    async def partitions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"{_PATH}/partitions"))["items"]
        return found

    async def skip(self, topic: str, partition: int, offset: int, *, count: int, reason: str) -> int:
        """Leave out records; gives where the partition goes on. Raises Conflicting if it stands elsewhere by now."""
        body = {"topic": topic, "partition": partition, "offset": offset, "count": count, "reason": reason}
        return int((await self.post(f"{_PATH}/partitions/skip", body))["next_offset"])

    async def move(self, topic: str, partition: int | None, to: int, *, reason: str) -> int:
        """Let partitions go on elsewhere; gives how many were moved."""
        body = {"topic": topic, "partition": partition, "to": to, "reason": reason}
        return int((await self.post(f"{_PATH}/partitions/move", body))["count"])

    async def journal(self) -> list[dict[str, Any]]:
        """All that people did, oldest first. Raises Refused if the chain of hashes is broken."""
        entries: list[dict[str, Any]] = []
        head = "0" * 64
        while True:
            page = (await self.get(f"{_PATH}/journal", {"after": len(entries), "limit": _PAGE}))["items"]
            head = _checked(page, len(entries), head)
            entries += page
            if len(page) < _PAGE:
                return entries


def _checked(page: Sequence[Mapping[str, Any]], after: int, head: str) -> str:
    for number, entry in enumerate(page, start=after + 1):
        head = sha256(f"{head}\n{entry['content']}".encode()).hexdigest()
        if entry["seq"] != number or entry["hash"] != head:
            raise Refused(f"the journal of operations is broken at entry {number}: somebody changed it")
    return head


def connect(service: str) -> MessagingClient:
    """To a service that the environment, or the local stack, names."""
    settings = Settings.find()
    return MessagingClient(settings.url(MESSAGING_URLS[service]), settings.token())


def named() -> list[str]:
    """Services whose address is known. Raises BadInput if none is."""
    settings = Settings.find()
    found = [service for service, variable in MESSAGING_URLS.items() if settings.optional(variable)]
    if not found:
        settings.url(MESSAGING_URLS["orchestrator"])
    return found
