"""Codes and checks: sent to what is sealed, counted under concurrency, told once, silent about who exists."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lethe_chassis import LocalIssuer
from lethe_events import DsrIdentityVerified, DsrReceived
from lethe_testkit.ground import eventually
from lethe_testkit.intake import CONTROLLERS
from lethe_testkit.smtp_sink import SmtpSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

PLANTED = "mina.castellanos@people.example"
DOUBT = {"method": "in_doubt", "reason": "unknown_address"}
DSR: dict[str, Any] = {
    "controller_id": "acme",
    "right": "access",
    "identifiers": {"email": [PLANTED]},
    "channel": "web_form",
}


class Desk:
    def __init__(self, ground: IntakeGround, client: httpx.AsyncClient, sink: SmtpSink) -> None:
        self.ground, self.client, self.sink = ground, client, sink
        self.number = 0

    async def submit(self, identity: dict[str, Any], key: str | None = None, **more: Any) -> httpx.Response:
        self.number += 1
        headers = {**self.ground.token(), "Idempotency-Key": key or str(self.number)}
        return await self.client.post("/v1/dsrs", json={**DSR, "identity": identity, **more}, headers=headers)

    async def in_doubt(self, **more: Any) -> str:
        response = await self.submit(DOUBT, **more)
        assert response.status_code == 202, response.text
        return str(response.json()["dsr_id"])

    async def call(self, dsr_id: str | UUID, what: str, body: dict[str, Any], *scopes: str) -> httpx.Response:
        headers = self.ground.token(scopes=scopes or ("dsr:write",))
        return await self.client.post(f"/v1/dsrs/{dsr_id}/identity/{what}", json=body, headers=headers)

    async def code(self, dsr_id: str, language: str = "en") -> str:
        """Ask for one, and read it where it arrives."""
        seen = len(self.sink.raw)
        assert (await self.call(dsr_id, "code", {"channel": "email", "language": language})).status_code == 202
        await eventually(lambda: _longer(self.sink, seen))
        body = self.sink.messages[-1].get_body(("plain",))
        assert body is not None
        found = re.search(r"\b\d{8}\b", body.get_content())
        assert found is not None
        return found[0]

    async def messages(self, count: int) -> list[Any]:
        async def there() -> bool:
            return len(await self.ground.requests()) >= count

        await eventually(there)
        return [m.body for m in await self.ground.requests()]


async def _longer(sink: SmtpSink, than: int) -> bool:
    return len(sink.raw) > than


@asynccontextmanager
async def desk(ground: IntakeGround, **more: str) -> AsyncIterator[Desk]:
    with SmtpSink() as sink:
        settings = {
            "LETHE_SMTP_HOST": "127.0.0.1",
            "LETHE_SMTP_PORT": str(sink.port),
            "LETHE_SMTP_TLS": "none",
            "LETHE_SMTP_SENDER": "privacy@acme.example",
            "LETHE_INTAKE_CODE_PAUSE": "0s",
        }
        async with ground.running(**settings | more) as client:
            yield Desk(ground, client, sink)


async def test_a_doubt_with_its_reason_is_removed_by_the_code_that_went_to_the_sealed_address(
    ground: IntakeGround,
) -> None:
    async with desk(ground) as site:
        dsr_id = await site.in_doubt()
        code = await site.code(dsr_id, "de")
        (letter,) = site.sink.messages
        assert letter["To"] == PLANTED
        assert "acme" in letter["From"]
        text = letter.get_body(("plain",))
        assert text is not None
        assert "Adresse, die wir nicht kannten" in " ".join(text.get_content().split())
        right = await site.call(dsr_id, "verify", {"code": f"{code[:4]} {code[4:]}"})
        again = await site.call(dsr_id, "verify", {"code": code})
        assert (right.status_code, again.status_code) == (200, 200)
        received, verified, *more = await site.messages(2)
        assert isinstance(received, DsrReceived)
        assert received.identity == "in_doubt"
        assert isinstance(verified, DsrIdentityVerified)
        assert verified.method == "code_email"
        assert not more, "told once"
        shown = (await site.client.get(f"/v1/dsrs/{dsr_id}", headers=ground.token())).json()["identity"]
        assert (shown["method"], shown["doubt"], shown["verified_by"]) == ("in_doubt", "unknown_address", "code_email")


async def test_neither_code_nor_address_is_in_any_table_or_message(ground: IntakeGround) -> None:
    async with desk(ground) as site:
        dsr_id = await site.in_doubt()
        code = await site.code(dsr_id)
        await site.call(dsr_id, "verify", {"code": code})
        await site.messages(2)
        tables = await ground.admin.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS t FROM pg_tables WHERE schemaname IN ('intake', 'vault')"
        )
        rows = [str(dict(r)) for t in tables for r in await ground.admin.fetch(f"SELECT * FROM {t['t']}")]
        for text in [*rows, *[r.decode("latin-1") for r in await ground.raw_records()]]:
            assert code not in text
            assert "castellanos" not in text.lower()
        opened = await ground.vault.redemptions(UUID(dsr_id))
        assert [r.redeemer for r in opened] == ["intake:identity"], "whoever opened the address is on record"


async def test_attempts_are_counted_exactly_however_many_come_at_once(ground: IntakeGround) -> None:
    async with desk(ground, LETHE_INTAKE_CODE_ATTEMPTS="5") as site:
        dsr_id = await site.in_doubt()
        code = await site.code(dsr_id)
        wrong = [f"{(int(code) + n) % 10**8:08d}" for n in range(1, 31)]
        answers = await asyncio.gather(*(site.call(dsr_id, "verify", {"code": c}) for c in wrong))
        assert {a.status_code for a in answers} == {409}
        assert await ground.admin.fetchval("SELECT attempts FROM intake.identity_check") == 5
        assert (await site.call(dsr_id, "verify", {"code": code})).status_code == 409, "used up, also for the right one"
        fresh = await site.code(dsr_id)
        assert (await site.call(dsr_id, "verify", {"code": code})).status_code == 409, "a newer one makes it void"
        assert (await site.call(dsr_id, "verify", {"code": fresh})).status_code == 200


async def test_the_right_code_many_times_at_once_is_told_once(ground: IntakeGround) -> None:
    async with desk(ground, LETHE_INTAKE_CODE_ATTEMPTS="10") as site:
        dsr_id = await site.in_doubt()
        code = await site.code(dsr_id)
        answers = await asyncio.gather(*(site.call(dsr_id, "verify", {"code": code}) for _ in range(8)))
        assert {a.status_code for a in answers} == {200}
        assert len(await site.messages(2)) == 2


async def test_nothing_tells_whether_there_is_somebody_behind_an_id(ground: IntakeGround) -> None:
    async with desk(ground) as site:
        doubted, signed_in = await site.in_doubt(), (await site.submit({"method": "controller_session"})).json()
        by_phone = await site.in_doubt(identifiers={"phone_number": ["+49 30 901820"]})
        nobodies = [UUID(int=7), signed_in["dsr_id"], by_phone]
        asked = [await site.call(i, "code", {"channel": "email"}) for i in (doubted, *nobodies)]
        assert len({(a.status_code, a.text) for a in asked}) == 1
        tried = [await site.call(i, "verify", {"code": "00000000"}) for i in (doubted, *nobodies)]
        told = {(t.status_code, re.sub(r'"(trace_id|instance)":"[^"]*"', "", t.text)) for t in tried}
        assert len(told) == 1
        tally = await ground.admin.fetchrow("SELECT sum(asked) AS asked, sum(tried) AS tried FROM intake.code_tally")
        assert tuple(tally) == (4, 4), "each call wrote something, as a call about somebody does"
        await eventually(lambda: _longer(site.sink, 0))
        assert len(site.sink.raw) == 1


async def test_another_controller_can_neither_ask_nor_try(ground: IntakeGround) -> None:
    async with desk(ground) as site:
        dsr_id = await site.in_doubt()
        code = await site.code(dsr_id)
        answer = await site.client.post(
            f"/v1/dsrs/{dsr_id}/identity/verify", json={"code": code}, headers=ground.token("beta")
        )
        assert answer.status_code == 409
        assert await ground.admin.fetchval("SELECT attempts FROM intake.identity_check") == 0


async def test_codes_are_limited_by_pause_and_day_also_when_asked_for_at_once(ground: IntakeGround) -> None:
    async with desk(ground, LETHE_INTAKE_CODE_PAUSE="1h") as site:
        dsr_id = await site.in_doubt()
        await asyncio.gather(*(site.call(dsr_id, "code", {"channel": "email"}) for _ in range(10)))
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.delivery") == 1
        for _ in range(7):
            await ground.admin.execute("UPDATE intake.identity_check SET code_sent_at = now() - interval '2 hours'")
            await site.call(dsr_id, "code", {"channel": "email"})
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.delivery") == 5
        await ground.admin.execute(
            "UPDATE intake.identity_check "
            "SET day_began = now() - interval '25 hours', code_sent_at = now() - interval '2 hours'"
        )
        await site.call(dsr_id, "code", {"channel": "email"})
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.delivery") == 6


async def test_an_old_code_and_one_of_a_request_that_was_taken_back_are_not_accepted(ground: IntakeGround) -> None:
    async with desk(ground) as site:
        old, back = await site.in_doubt(), await site.in_doubt()
        codes = {i: await site.code(i) for i in (old, back)}
        await ground.admin.execute(
            "UPDATE intake.identity_check SET code_expires_at = now() - interval '1 second' WHERE dsr_id = $1",
            UUID(old),
        )
        await site.client.post(f"/v1/dsrs/{back}/withdrawal", headers=ground.token())
        for dsr_id, code in codes.items():
            assert (await site.call(dsr_id, "verify", {"code": code})).status_code == 409


async def test_a_channel_that_is_not_set_up_is_told_for_every_id_alike(ground: IntakeGround) -> None:
    async with desk(ground) as site:
        answers = [await site.call(i, "code", {"channel": "sms"}) for i in (await site.in_doubt(), UUID(int=7))]
        assert {a.json()["type"] for a in answers} == {"urn:lethe:problem:channel_not_set_up"}


async def test_a_person_makes_sure_no_further_than_the_doubt_allows(ground: IntakeGround) -> None:
    async with desk(ground) as site:
        dsr_id, clear = await site.in_doubt(), (await site.submit({"method": "controller_session"})).json()["dsr_id"]
        assert (await site.call(dsr_id, "manual", {"manner": "called_back"})).status_code == 403, "a scope of its own"

        async def by_hand(i: str | UUID, **body: Any) -> tuple[int, str]:
            answer = await site.call(i, "manual", body, "identity:check")
            return answer.status_code, str(answer.json().get("type", "")).rpartition(":")[2]

        assert await by_hand(UUID(int=7), manner="called_back") == (404, "not_found")
        assert await by_hand(clear, manner="called_back") == (409, "identity_not_in_doubt")
        assert await by_hand(dsr_id, manner="document_seen") == (409, "not_proportionate")
        assert await by_hand(dsr_id, manner="document_seen", copy="aGVsbG8=") == (422, "invalid_content")
        assert await by_hand(dsr_id, manner="mandate_seen") == (422, "invalid_content")
        assert await by_hand(dsr_id, manner="document_seen", sensitive=True) == (200, "")
        later = await site.call(dsr_id, "manual", {"manner": "called_back"}, "identity:check")
        assert later.json()["method"] == "document_seen", "the first one counts"
        row = await ground.admin.fetchrow("SELECT method, verified_by FROM intake.identity_check")
        assert tuple(row) == ("document_seen", "site")
        assert [type(m) for m in await site.messages(3)].count(DsrIdentityVerified) == 1


async def test_who_is_signed_in_is_believed_on_the_controllers_signature(ground: IntakeGround) -> None:
    LocalIssuer.create(ground.directory / "acme.pem", ground.directory / "acme.pub")
    entries = [
        {"controller_id": c, "name": c, "country": "DE", "contact": f"privacy@{c}.example", "assertion_key": f"{c}.pub"}
        for c in CONTROLLERS[:1]
    ]
    (ground.directory / "controllers.yaml").write_text(yaml.safe_dump({"controllers": entries}))
    key = load_pem_private_key((ground.directory / "acme.pem").read_bytes(), None)
    now = datetime.now(UTC)

    def signed(*, age: timedelta = timedelta(0), **claims: Any) -> dict[str, Any]:
        at = now - age
        said = {"iss": "acme", "aud": "lethe-intake", "iat": at, "exp": at + timedelta(minutes=5)}
        said |= {"identifiers": {"email": [PLANTED.upper()]}} | claims
        return {"method": "signed_assertion", "assertion": jwt.encode(said, key, algorithm="EdDSA")}  # type: ignore[arg-type]

    async with desk(ground) as site:
        good = await site.submit(signed(), "k")
        assert good.status_code == 202, good.text
        repeat = await site.submit(signed(age=timedelta(hours=1)), "k")
        assert (repeat.status_code, repeat.text) == (202, good.text), "what was accepted stays accepted"
        tampered = signed()
        tampered["assertion"] = tampered["assertion"][:-8] + "AAAAAAAA"
        wrong = [
            signed(age=timedelta(hours=1)),
            signed(iss="beta"),
            signed(aud="another"),
            signed(identifiers={"email": ["somebody.else@people.example"]}),
            signed(identifiers="none"),
            signed(iat=now + timedelta(hours=1)),
            tampered,
            {"method": "signed_assertion", "assertion": jwt.encode({"iss": "acme"}, None, algorithm="none")},
        ]
        answers = [await site.submit(identity) for identity in wrong]
        assert {a.status_code for a in answers} == {422}
        assert await ground.counts() == {"dsr": 1, "sealed": 1}
        assert (await site.messages(1))[0].identity == "signed_assertion"
