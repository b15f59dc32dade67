"""What the vendor holds, in memory, and how it carries deletions out: later, and then it calls back."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from lethe_example_shop.person import person_number

if TYPE_CHECKING:
    from lethe_example_shop.person import Person

MASKED = "masked.invalid"
_TRIES = 20
_PAUSE = 0.25


@dataclass(slots=True)
class Terms:
    """How the vendor behaves. `lies`: it says that it deleted, and did not. `outcome`: what its calls say."""

    token_seconds: float = 300.0
    deletion_seconds: float = 0.2
    lies: bool = False
    forgets_masks: bool = False
    outcome: str = "deleted"


@dataclass(slots=True)
class Contact:
    id: str
    email: str
    name: str
    number: str


@dataclass(slots=True)
class Erasure:
    """Asked for, confirmed with the code, carried out."""

    id: str
    contact_id: str
    notify: str
    code: str
    state: str = "unconfirmed"


@dataclass(slots=True)
class Vendor:
    """`sent`: bodies and headers of the calls that were made, for tests that send one again."""

    people: int
    seed: int
    terms: Terms
    hook_secret: str
    contacts: dict[str, Contact] = field(default_factory=dict)
    erasures: dict[str, Erasure] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    issued: int = 0
    sent: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    confirmed: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        for number in range(1, max(self.people, 42) + 1):
            self.subscribe(person_number(number, self.seed))

    def subscribe(self, person: Person) -> Contact:
        contact = Contact(
            f"c-{person.number}", person.email, f"{person.first_name} {person.last_name}", person.customer_no
        )
        self.contacts[contact.id] = contact
        return contact

    def token(self) -> str:
        token = secrets.token_urlsafe(16)
        self.tokens[token] = time.monotonic() + self.terms.token_seconds
        self.issued += 1
        return token

    def lets_in(self, token: str) -> bool:
        return self.tokens.get(token, 0.0) > time.monotonic()

    def alike(self, address: str) -> list[Contact]:
        """Whoever's address begins alike, so also other people."""
        wanted = address.casefold()[:4]
        return sorted((c for c in self.contacts.values() if c.email.casefold().startswith(wanted)), key=lambda c: c.id)

    def erase(self, contact: Contact, notify: str) -> tuple[Erasure, bool]:
        """The erasure, and whether it is a new one."""
        for erasure in self.erasures.values():
            if erasure.contact_id == contact.id and erasure.state in {"unconfirmed", "confirmed"}:
                return erasure, False
        erasure = Erasure(f"er-{len(self.erasures) + 1}", contact.id, notify, secrets.token_hex(4))
        self.erasures[erasure.id] = erasure
        return erasure, True

    def confirm(self, erasure: Erasure) -> None:
        if erasure.state == "unconfirmed":
            erasure.state = "confirmed"
            self.confirmed.put_nowait(erasure.id)

    async def work(self) -> None:
        """Carry out what was confirmed, each after its time, until cancelled."""
        async with asyncio.TaskGroup() as group, httpx.AsyncClient(timeout=5) as client:
            while True:
                erasure = self.erasures[await self.confirmed.get()]
                group.create_task(self._carry_out(erasure, client))

    async def _carry_out(self, erasure: Erasure, client: httpx.AsyncClient) -> None:
        await asyncio.sleep(self.terms.deletion_seconds)
        erasure.state = self.terms.outcome
        if erasure.state == "deleted" and not self.terms.lies:
            self.contacts.pop(erasure.contact_id, None)
        if not erasure.notify:
            return
        body = json.dumps({"erasure": {"id": erasure.id, "state": erasure.state}}).encode()
        for _ in range(_TRIES):
            headers = self.signed(body, str(int(time.time())))
            try:
                if (await client.post(erasure.notify, content=body, headers=headers)).is_success:
                    self.sent.append((erasure.notify, body, headers))
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_PAUSE)

    def signed(self, body: bytes, at: str) -> dict[str, str]:
        mac = hmac.digest(self.hook_secret.encode(), f"{at}.".encode() + body, "sha256").hex()
        return {"content-type": "application/json", "x-hook-time": at, "x-hook-signature": f"v1={mac}"}
