"""On-call by e-mail beside webhooks: each page once, and no channel in the way of another."""

from __future__ import annotations

import asyncio

import pytest

from lethe_chassis import SettingsError
from lethe_testkit.breach_ground import a_signal
from lethe_testkit.ground import eventually
from lethe_testkit.smtp_sink import SmtpSink

pytestmark = pytest.mark.timeout(90)
NIGHT = {"name": "night", "shape": "email", "to": "Night <night@acme.example>"}


def smtp(port):
    return {
        "LETHE_SMTP_HOST": "127.0.0.1",
        "LETHE_SMTP_PORT": str(port),
        "LETHE_SMTP_TLS": "none",
        "LETHE_SMTP_SENDER": "lethe@acme.example",
    }


async def calls(ground, *wanted):
    """Until the calls stand so: receiver, about, whether taken, why not."""

    async def there():
        rows = await ground.fetch("SELECT receiver, about, taken_at IS NOT NULL, trouble FROM call ORDER BY 1, 2")
        return [tuple(row) for row in rows] == list(wanted)

    await eventually(there, seconds=20)


async def test_a_page_reaches_each_address_once_and_says_when_nobody_has_to_come_any_more(ground):
    ground.policy(on_call=[NIGHT, {"name": "privacy", "shape": "email", "to": "privacy@acme.example"}])
    with SmtpSink() as sink:
        async with ground.running(**smtp(sink.port)) as client, ground.running(**smtp(sink.port)):
            await ground.send([a_signal("device.lost", asset="laptop/7")])
            await calls(ground, ("night", "suspected", True, None), ("privacy", "suspected", True, None))
            (case,) = await ground.fetch("SELECT id FROM breach_case")
            url = f"/v1/breaches/{case['id']}/dismissal"
            assert (await client.post(url, json={"reason": "found"}, headers=ground.auth())).status_code == 200
            assert (await client.post(f"{url}/confirm", headers=ground.auth("robin"))).status_code == 200
            taken = [(who, about, True, None) for who in ("night", "privacy") for about in ("dismissed", "suspected")]
            await calls(ground, *taken)
        mails = sink.messages
    assert set(sink.accepted.values()) == {1}
    assert sink.recipients == {"night@acme.example": 2, "privacy@acme.example": 2}
    first, last = (next(m for m in mails if m["Subject"].startswith(begin)) for begin in ("Possible", "Resolved"))
    assert str(case["id"]) in first.get_content()
    assert "critical" in first.get_content()
    assert "laptop" not in first.get_content(), "what was seen stays where a name and a right are asked for"
    assert "nobody has to come" in last.get_content()


async def test_a_channel_that_hangs_or_refuses_shows_and_delays_no_other(ground):
    async def never(reader, writer):
        await reader.read()
        writer.close()

    dead = await asyncio.start_server(never, "127.0.0.1", 0)
    port = dead.sockets[0].getsockname()[1]
    ground.policy(
        on_call=[
            {"name": "a-hangs", "shape": "pagerduty", "url": f"http://127.0.0.1:{port}/", "key": "k"},
            {"name": "b-refused", "shape": "email", "to": "refused@acme.example"},
            {**NIGHT, "name": "c-night"},
        ]
    )
    with SmtpSink() as sink:
        async with dead, ground.running(**smtp(sink.port)) as client:
            await ground.send([a_signal("device.lost", asset=f"laptop/{n}") for n in range(3)])
            night = [("c-night", "suspected", True, None)] * 3
            hanging = [("a-hangs", "suspected", False, None)] * 3
            refused = [("b-refused", "suspected", False, "mail_permanent")] * 3
            await calls(ground, *hanging, *refused, *night)
            case = (await ground.fetch("SELECT id FROM breach_case"))[0]["id"]
            aware = {"aware_at": "2026-01-01T00:00:00Z", "reason": "seen"}
            answer = await client.post(f"/v1/breaches/{case}/aware", json=aware, headers=ground.auth())
            assert answer.status_code == 200, "a case does not wait for who is called"
            shown = (await client.get(f"/v1/breaches/{case}", headers=ground.auth())).json()["calls"]
            page = await client.get(
                f"/console/breaches/{case}", headers={"Cookie": f"lethe_console={ground.auth()['Authorization'][7:]}"}
            )
    assert {c["receiver"]: c["trouble"] for c in shown if c["about"] == "suspected"}["b-refused"] == "mail_permanent"
    assert "mail permanent" in page.text


@pytest.mark.parametrize(
    ("receiver", "fault"),
    [
        ({"name": "night", "shape": "email"}, "needs `to`"),
        ({"name": "night", "shape": "email", "to": "night"}, "no address"),
        ({"name": "pager", "shape": "pagerduty"}, "needs `url`"),
        ({"name": "pager", "shape": "pagerduty", "url": "env:NOT_SET_ANYWHERE"}, "no address of http"),
        (NIGHT, "LETHE_SMTP_HOST is not set"),
    ],
)
async def test_a_receiver_that_cannot_be_reached_is_found_at_the_start_and_not_at_night(ground, receiver, fault):
    ground.policy(on_call=[receiver])
    with pytest.raises(SettingsError, match=fault):
        async with ground.running():
            pass
