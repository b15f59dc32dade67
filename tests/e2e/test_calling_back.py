"""A vendor with OAuth 2 who deletes later and calls back: its word moves the saga on, and only looking closes it."""

from pathlib import Path

import pytest

from lethe_events.words import Grade
from lethe_example_shop.person import person_number
from lethe_local.processes.ports import HOST, free_ports
from lethe_testkit.journey import Journey
from lethe_testkit.newsletter import SEED, describe, environment, newsletter
from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


async def test_a_call_back_leads_to_a_look_at_once_and_a_lie_does_not_close_the_saga(tmp_path: Path) -> None:
    describe(tmp_path)
    (port,) = free_ports(1)
    async with newsletter() as (vendor, url):
        vendor.terms.deletion_seconds = 1.0
        callback = f"http://{HOST}:{port}/v1/callbacks/newsletter"
        told = {
            **environment(url, callback),
            "LETHE_REGISTER": str(tmp_path),
            "LETHE_PORT_ERASURE_WORKER": str(port),
        }
        with Stack(environment=told) as stack:
            async with Journey(stack) as journey:
                honest, lied = person_number(1, SEED), person_number(3, SEED)
                known = {p: {"email": [p.email], "customer_id": [p.customer_no]} for p in (honest, lied)}
                dsr_id = await journey.submit(known[honest])
                assert (await journey.until_closed([dsr_id], 60))[dsr_id].result == "granted"
                saga = await journey.oncall.saga(dsr_id)
                assert {t.verb: t.grade for t in saga.tasks} == {
                    "erase": Grade.ATTESTED,
                    "verify": Grade.REREAD_ABSENT,
                }
                assert f"c-{honest.number}" not in vendor.contacts
                vendor.terms.lies = True
                dsr_id = await journey.submit(known[lied])
                seen = await journey.until(
                    dsr_id,
                    lambda saga: any(t.verb == "verify" and t.status == "retrying" for t in saga.tasks),
                    "the look refutes what the vendor says",
                )
                assert seen.state != "closed"
                assert f"c-{lied.number}" in vendor.contacts
