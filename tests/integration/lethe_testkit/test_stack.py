"""A private stack: everything up, anything can be killed, nothing needs a person, nothing is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from lethe_local.processes import records
from lethe_testkit.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
SERVICES = ("intake", "orchestrator", "erasure_worker", "export_worker", "breach_notifier")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(people=20) as made:
        yield made
        state = made.state
    assert records.all_ours(state) == []


def ready(stack: Stack, name: str) -> bool:
    try:
        return httpx.get(f"{stack.url(name)}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("name", [*SERVICES, "helpdesk", "warehouse"])
def test_every_part_is_ready(stack: Stack, name: str) -> None:
    assert ready(stack, name)


def test_its_tokens_are_accepted_with_the_scopes_they_carry(stack: Stack) -> None:
    url = f"{stack.url('intake')}/v1/dsrs"
    allowed = {"Authorization": f"Bearer {stack.token(['dsr:read'])}"}
    refused = {"Authorization": f"Bearer {stack.token(['saga:read'])}"}
    assert httpx.get(url, headers=allowed).status_code == 200
    assert httpx.get(url, headers=refused).status_code == 403


@pytest.mark.parametrize("name", [*SERVICES, "kafka", "postgres"])
def test_what_is_killed_comes_back_by_itself(stack: Stack, name: str) -> None:
    before = stack.restarts()[name]
    stack.kill(name)
    stack.wait_ready(name)
    assert stack.restarts()[name] >= before + 1
    stack.wait_ready()
    assert all(ready(stack, service) for service in SERVICES)


def test_what_is_held_stays_down_until_it_is_released(stack: Stack) -> None:
    stack.hold("intake")
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert not ready(stack, "intake")
        time.sleep(0.1)
    stack.release("intake")
    stack.wait_ready("intake")
    assert ready(stack, "intake")


def test_what_is_frozen_answers_nothing_and_goes_on_when_it_thaws(stack: Stack) -> None:
    stack.freeze("intake")
    assert not ready(stack, "intake")
    stack.thaw("intake")
    assert ready(stack, "intake")
