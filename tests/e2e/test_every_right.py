"""The rights beside access and erasure, from intake to the shop's own tables, each closed and certified."""

import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import pytest

from lethe_client.certificate import read_keys, stands_on, verify, verify_chain
from lethe_client.errors import Unauthorised
from lethe_client.models import NewDsr
from lethe_client.sagas import Saga
from lethe_events.words import Channel, RestrictionGround, Result, Right
from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

SEED = 7
NEWSLETTER, TARGETED = "marketing.communications.email", "marketing.advertising.first_party.targeted"
OF_CUSTOMER = ("customer_addresses", "payment_cards", "orders", "loyalty_accounts", "support_visits")
pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

Shop: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """The shop's database, past Lethe."""
    connection = await asyncpg.connect(stack.postgres.rsplit("/", 1)[0] + "/shop")
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def journey(stack: Stack) -> AsyncIterator[Journey]:
    async with Journey(stack) as made:
        yield made


async def ask(journey: Journey, number: int, right: Right, **more: Any) -> UUID:
    person = person_number(number, SEED)
    known = {"email": [person.email], "customer_id": [person.customer_no]}
    dsr = NewDsr(controller_id="acme", right=right, identifiers=known, channel=Channel.WEB_FORM, **more)
    return (await journey.intake.submit(dsr)).dsr_id


async def certified(journey: Journey, dsr_id: UUID, result: Result) -> dict[str, Any]:
    """The certificate of a closed request, verified as one does who has nothing but the files and the keys."""
    dsr = (await journey.until_closed([dsr_id]))[dsr_id]
    assert dsr.result is result
    document, chain = await journey.oncall.certificate(dsr_id), await journey.oncall.events(dsr_id)
    verified = verify(document, read_keys(json.dumps(await journey.oncall.keys()), "GET /v1/keys"))
    stands_on(verified, verify_chain(chain.links))
    assert verified.certificate["result"] == result
    return dict(verified.certificate)


def carried_out(saga: Saga) -> set[tuple[str, str, str | None]]:
    return {(t.processor_id, t.verb, t.outcome) for t in saga.tasks if t.attempt}


async def test_a_portable_copy_holds_what_the_person_gave_and_leaves_out_what_the_shop_worked_out(
    journey: Journey, shop: Shop, tmp_path: Path
) -> None:
    dsr_id = await ask(journey, 111, Right.PORTABILITY, formats=["json", "csv"])
    await certified(journey, dsr_id, Result.GRANTED)
    path = tmp_path / "package.zip"
    with path.open("wb") as file:
        await journey.intake.package(dsr_id, file)
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        manifest = package.read("manifest.json").decode()
        content = "".join(package.read(n).decode() for n in names if n.endswith((".json", ".csv")))
    orders = await shop.fetch("SELECT order_no FROM shop.orders WHERE customer_id = $1", 111)
    assert orders
    assert all(row["order_no"] in content for row in orders)
    assert "tier" in manifest, "what is left out is named"
    assert not any(name.endswith(".pdf") for name in names)


async def test_a_correction_is_in_the_table_and_the_record_holds_hashes_only(journey: Journey, shop: Shop) -> None:
    stands = "SELECT date_of_birth FROM shop.customers WHERE id = $1"
    before, wanted = await shop.fetchval(stands, 113), date(1979, 3, 17)
    dsr_id = await ask(
        journey, 113, Right.RECTIFICATION, corrections={"shop:customers.date_of_birth": wanted.isoformat()}
    )
    certificate = await certified(journey, dsr_id, Result.GRANTED)
    assert await shop.fetchval(stands, 113) == wanted
    saga = await journey.oncall.saga(dsr_id)
    assert carried_out(saga) == {("shop", "rectify", "done"), ("shop", "verify", "nothing_found")}
    record = json.dumps([certificate, (await journey.oncall.events(dsr_id)).links])
    assert "old_values_hmac" in record
    assert "new_values_hmac" in record
    assert wanted.isoformat() not in record
    assert before.isoformat() not in record


async def test_what_is_restricted_is_seen_by_nobody_in_the_shop_until_it_is_lifted(
    journey: Journey, shop: Shop
) -> None:
    async def in_use() -> dict[str, int]:
        found = {"customers": await shop.fetchval("SELECT count(*) FROM shop.customers_in_use WHERE id = $1", 115)}
        for table in OF_CUSTOMER:
            found[table] = await shop.fetchval(
                f"SELECT count(*) FROM shop.{table}_in_use WHERE customer_id = $1",
                115,
            )
        return found

    before = await in_use()
    assert all(before.values())
    others = "SELECT count(*) FROM shop.orders_in_use WHERE customer_id <> 115"
    of_others = await shop.fetchval(others)
    dsr_id = await ask(journey, 115, Right.RESTRICTION, ground=RestrictionGround.UNLAWFUL, categories=["user.behavior"])
    saga = await journey.until(dsr_id, lambda s: s.may_lift, "the restriction is in force")
    assert saga.state == "answered"
    assert carried_out(saga) == {("shop", "restrict", "done"), ("shop", "verify", "nothing_found")}
    assert not any((await in_use()).values())
    assert await shop.fetchval(others) == of_others
    assert await shop.fetchval("SELECT restricted FROM shop.customers WHERE id = $1", 115), "it is still stored"
    await journey.oncall.lift(dsr_id, told_at=datetime.now(UTC), reason="claim_settled")
    await certified(journey, dsr_id, Result.GRANTED)
    assert await in_use() == before


async def test_who_objects_to_advertising_is_on_the_list_for_each_purpose_and_stays_there_when_erased(
    journey: Journey, shop: Shop
) -> None:
    email = person_number(117, SEED).email
    listed = "SELECT array_agg(purpose ORDER BY purpose) FROM shop.do_not_contact WHERE email = $1"
    of_others = "SELECT count(*) FROM shop.do_not_contact WHERE email <> $1"
    before = await shop.fetchval(of_others, email)
    await certified(journey, await ask(journey, 117, Right.OBJECTION, direct_marketing=True), Result.GRANTED)
    assert await shop.fetchval(listed, email) == [TARGETED, NEWSLETTER]
    assert await shop.fetchval(of_others, email) == before
    await certified(journey, await ask(journey, 117, Right.ERASURE), Result.PARTIALLY_GRANTED)
    assert await shop.fetchval("SELECT count(*) FROM shop.customers WHERE id = $1", 117) == 0
    assert await shop.fetchval(listed, email) == [TARGETED, NEWSLETTER]


async def test_a_withdrawn_consent_stops_that_purpose_and_no_other(journey: Journey, shop: Shop) -> None:
    dsr_id = await ask(journey, 119, Right.CONSENT_WITHDRAWAL, purposes=[NEWSLETTER])
    await certified(journey, dsr_id, Result.GRANTED)
    saga = await journey.oncall.saga(dsr_id)
    assert carried_out(saga) == {("shop", "suppress", "done"), ("shop", "verify", "nothing_found")}
    listed = "SELECT array_agg(purpose) FROM shop.do_not_contact WHERE email = $1"
    assert await shop.fetchval(listed, person_number(119, SEED).email) == [NEWSLETTER]
    assert await shop.fetchval("SELECT count(*) FROM shop.customers WHERE id = $1", 119) == 1


async def test_an_automated_decision_is_confirmed_by_two_people_and_no_processor_is_asked(
    journey: Journey, shop: Shop
) -> None:
    row = "SELECT to_jsonb(c)::text FROM shop.customers c WHERE id = $1"
    before = await shop.fetchval(row, 121)
    dsr_id = await ask(journey, 121, Right.AUTOMATED_DECISION, decision="loan/2026-17")
    saga = await journey.until(dsr_id, lambda s: bool(s.may_decide), "a person decides")
    assert set(saga.may_decide) == {"changed", "confirmed"}
    await journey.oncall.decide(dsr_id, outcome="confirmed", reasons=["income_too_low"])
    with pytest.raises(Unauthorised):
        await journey.oncall.approve_decision(dsr_id)
    await journey.second.approve_decision(dsr_id)
    certificate = await certified(journey, dsr_id, Result.PARTIALLY_GRANTED)
    assert "loan/2026-17" in json.dumps(certificate)
    assert not carried_out(await journey.oncall.saga(dsr_id))
    assert await shop.fetchval(row, 121) == before
