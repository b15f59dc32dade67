"""The status page, as a browser without scripts sees it."""

import httpx
import pytest

from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


def browser(stack: Stack) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=stack.url("orchestrator"), follow_redirects=True)


async def closed_dsr(stack: Stack) -> str:
    person = person_number(31, 7)
    async with Journey(stack) as journey:
        dsr_id = await journey.submit({"email": [person.email], "customer_id": [person.customer_no]}, key="console")
        await journey.until_closed([dsr_id], 90)
    return str(dsr_id)


async def test_without_signing_in_nothing_is_seen(stack: Stack) -> None:
    dsr_id = await closed_dsr(stack)
    async with browser(stack) as page:
        for path in ("/console", f"/console/sagas/{dsr_id}", "/console/incidents", "/console/register"):
            answer = await page.get(path)
            assert "Sign in" in answer.text
            assert dsr_id not in answer.text
        refused = await page.post("/console/sign-in", data={"token": "not.a.token"})
        assert refused.status_code == 401
        assert not page.cookies


async def test_the_list_and_the_story_of_one_request_are_shown(stack: Stack) -> None:
    dsr_id = await closed_dsr(stack)
    async with browser(stack) as page:
        answer = await page.post("/console/sign-in", data={"token": stack.token()})
        assert answer.status_code == 200
        assert "Open requests" in answer.text
        cookie = next(iter(page.cookies.jar))
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert dsr_id in (await page.get("/console", params={"state": "closed"})).text
        story = (await page.get(f"/console/sagas/{dsr_id}")).text
        for words in ("shop", "reread absent", "How the date came about", "task acked", "Certificate"):
            assert words in story
        for path in ("/console/incidents", "/console/register"):
            assert (await page.get(path)).status_code == 200
        assert (await page.get("/console", params={"after": "nonsense"})).status_code == 200


async def test_another_controllers_requests_are_not_shown(stack: Stack) -> None:
    dsr_id = await closed_dsr(stack)
    async with browser(stack) as page:
        await page.post("/console/sign-in", data={"token": stack.token(controllers=["other"])})
        assert (await page.get(f"/console/sagas/{dsr_id}")).status_code == 404
        assert dsr_id not in (await page.get("/console", params={"state": "closed"})).text


async def test_nobody_acts_without_the_scope_for_it(stack: Stack) -> None:
    dsr_id = await closed_dsr(stack)
    async with browser(stack) as page:
        await page.post("/console/sign-in", data={"token": stack.token(["saga:read"])})
        answer = await page.post(f"/console/sagas/{dsr_id}/tasks/{dsr_id}/retry")
        assert answer.status_code == 403
