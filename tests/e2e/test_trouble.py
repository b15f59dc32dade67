"""A processor that lies, hangs or talks nonsense: an incident, never a closed saga, and nobody else waits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from lethe_client.errors import LetheError, Unauthorised
from lethe_client.sagas import Saga
from lethe_events.words import SagaState
from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
WELL = {"lie": False, "hang": False, "nonsense": False, "down_rate": 0.0}


@contextlib.asynccontextmanager
async def helpdesk(stack: Stack, **behaviour: object) -> AsyncIterator[None]:
    """The sample vendor misbehaves while the block runs."""
    headers = {"Authorization": f"Bearer {stack.state.secret('helpdesk_token')}"}
    async with httpx.AsyncClient(base_url=stack.url("helpdesk"), headers=headers) as vendor:
        (await vendor.put("/admin/behaviour", json=behaviour)).raise_for_status()
        try:
            yield
        finally:
            (await vendor.put("/admin/behaviour", json=WELL)).raise_for_status()


def identifiers(number: int) -> dict[str, list[str]]:
    person = person_number(number, 7)
    return {"email": [person.email], "customer_id": [person.customer_no]}


def others_are_done(saga: Saga) -> bool:
    others = [t for t in saga.tasks if t.processor_id != "helpdesk"]
    return bool(others) and all(t.status == "done" for t in others)


async def finish(journey: Journey, dsr_id: UUID) -> None:
    """What on-call does once the processor is mended: ask again what had failed, and see the request closed."""
    for _ in range(100):
        saga = await journey.oncall.saga(dsr_id)
        if saga.state == SagaState.CLOSED:
            return
        for task in saga.tasks:
            if task.status == "incident":
                with contextlib.suppress(LetheError):  # it went on by itself meanwhile
                    await journey.oncall.retry(dsr_id, task.task_id)
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{dsr_id} did not close")


async def test_a_processor_that_acks_without_erasing_leads_to_an_incident_and_never_to_a_closed_saga(
    stack: Stack,
) -> None:
    async with Journey(stack) as journey:
        async with helpdesk(stack, lie=True):
            dsr_id = await journey.submit(identifiers(71))
            saga = await journey.until(
                dsr_id, lambda s: any(t.status == "incident" for t in s.tasks), "an incident", seconds=90
            )
            assert saga.state is not SagaState.CLOSED
            assert max(t.round for t in saga.tasks if t.processor_id == "helpdesk") == 2
            assert any(i.dsr_id == dsr_id for i in (await journey.oncall.incidents()).items)
        await finish(journey, dsr_id)


async def test_a_processor_that_hangs_delays_no_other_processors_tasks(stack: Stack) -> None:
    async with Journey(stack) as journey:
        async with helpdesk(stack, hang=True):
            dsr_id = await journey.submit(identifiers(73))
            saga = await journey.until(dsr_id, others_are_done, "the others are done", seconds=20)
            assert saga.state == SagaState.FULFILLING
        await finish(journey, dsr_id)


async def test_nonsense_from_a_processor_closes_nothing(stack: Stack) -> None:
    async with Journey(stack) as journey:
        async with helpdesk(stack, nonsense=True):
            dsr_id = await journey.submit(identifiers(77))
            await journey.until(dsr_id, others_are_done, "the others are done", seconds=20)
            await asyncio.sleep(3)
            assert (await journey.oncall.saga(dsr_id)).state != SagaState.CLOSED
        await finish(journey, dsr_id)


async def test_an_exception_needs_a_second_person_and_shows_in_the_certificate(stack: Stack) -> None:
    async with Journey(stack) as journey, helpdesk(stack, lie=True):
        dsr_id = await journey.submit(identifiers(79))
        saga = await journey.until(
            dsr_id, lambda s: any(t.status == "incident" for t in s.tasks), "an incident", seconds=90
        )
        task = next(t for t in saga.tasks if t.status == "incident")
        stated = {"ground": "legal_obligation", "article": "GDPR Art. 17(3)(b)", "reason": "kept_for_the_audit"}
        await journey.oncall.propose_exception(dsr_id, task.task_id, **stated)
        with pytest.raises(Unauthorised):
            await journey.oncall.approve_exception(dsr_id, task.task_id)
        assert (await journey.oncall.saga(dsr_id)).state != SagaState.CLOSED
        await journey.second.approve_exception(dsr_id, task.task_id)
        await journey.until_closed([dsr_id], 60)
        certificate = (await journey.oncall.certificate(dsr_id))["certificate"]
    assert {certificate["exceptions"][0][k] for k in ("proposed_by", "approved_by")} == {"oncall-1", "oncall-2"}
