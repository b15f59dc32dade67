"""SMS through a provider's webhook: one POST per message, with the delivery id as its Idempotency-Key."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from lethe_delivery.errors import BadMessage
from lethe_delivery.messages import Outcome, Verdict, scrubbed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from lethe_delivery.messages import Outgoing

_ONCE_MORE = frozenset({408, 409, 425, 429})
_ABOUT_US = frozenset({401, 402, 403, 404, 405})  # the account or address of the webhook, not the recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSettings:
    """`idempotent`: the provider drops a repeat with the same Idempotency-Key, so that silence leaves no doubt."""

    url: str
    token: str | None = None
    idempotent: bool = False
    connections: int = 4
    timeout: float = 20.0  # seconds

    def __repr__(self) -> str:
        return f"SmsSettings({self.url})"


class SmsWebhook:
    """A `Mailer` for SMS. The body is `{"id", "to", "text"}`; 2xx means taken."""

    def __init__(self, settings: SmsSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        headers = {"Authorization": f"Bearer {settings.token}"} if settings.token else {}
        self._client = httpx.AsyncClient(transport=transport, timeout=settings.timeout, headers=headers)
        self._free = asyncio.Semaphore(settings.connections)

    def prepare(self, message: Outgoing) -> bytes:
        to = "".join(message.mail.to.split())
        if not to.removeprefix("+").isdecimal():
            raise BadMessage("the number of a telephone has something else than digits in it")
        return json.dumps({"id": str(message.id), "to": to, "text": message.mail.text}, ensure_ascii=False).encode()

    def reference(self, delivery_id: UUID) -> str:
        return str(delivery_id)

    async def send(self, messages: Sequence[Outgoing]) -> Mapping[UUID, Outcome]:
        async with asyncio.TaskGroup() as group:
            tasks = {message.id: group.create_task(self._one(message)) for message in messages}
        return {id_: task.result() for id_, task in tasks.items()}

    async def _one(self, message: Outgoing) -> Outcome:
        try:
            content = message.content or self.prepare(message)
        except BadMessage as error:
            return Outcome(Verdict.PERMANENT, str(error))
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(message.id)}
        try:
            async with self._free:
                response = await self._client.post(self._settings.url, content=content, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            return Outcome(Verdict.TRANSIENT, f"not reached: {type(error).__name__}")
        except httpx.HTTPError as error:
            return Outcome(self._silence, f"no reply: {type(error).__name__}")
        return self._judge(response, message.mail.to)

    def _judge(self, response: httpx.Response, to: str) -> Outcome:
        reply = scrubbed(f"{response.status_code} {response.text[:200]}", to, "".join(to.split()))
        if response.is_success:
            return Outcome(Verdict.SENT, reply)
        if response.status_code in _ONCE_MORE | _ABOUT_US:
            return Outcome(Verdict.TRANSIENT, reply)
        if response.is_server_error:  # it may have been taken before the error
            return Outcome(self._silence, reply)
        return Outcome(Verdict.PERMANENT, reply)

    @property
    def _silence(self) -> Verdict:
        return Verdict.TRANSIENT if self._settings.idempotent else Verdict.UNCERTAIN

    async def close(self) -> None:
        await self._client.aclose()
