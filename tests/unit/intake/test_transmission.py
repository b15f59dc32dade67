"""Sending a portable copy on: whom, how it is judged, and what is never called."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest
import yaml

from intake.adapters.transmitting import MOST_OF_A_RECEIPT, HttpsSender, read_targets
from intake.domain.transmission import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MOST_ATTEMPTS,
    Answer,
    Target,
    TransmissionState,
    judge,
    pause_after,
)
from lethe_vault import DocumentInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

DSR = UUID("0198c0de-7a11-7000-8000-5e1f00000001")
COPY = b"a portable copy" * 1000
INFO = DocumentInfo(
    DSR, DSR, "package.zip", "application/zip", len(COPY), hashlib.sha256(COPY).hexdigest(), datetime.now(UTC)
)
TARGET = Target("other", "Other", "https://other.example/in", frozenset({"acme"}), "secret-token")


async def content() -> AsyncIterator[bytes]:
    yield COPY[:100]
    yield COPY[100:]


async def send(answer: Callable[[httpx.Request], httpx.Response]) -> Answer:
    sender = HttpsSender(httpx.MockTransport(answer))
    try:
        return await sender(TARGET, DSR, "acme", INFO, content())
    finally:
        await sender.aclose()


async def test_the_copy_arrives_whole_with_its_hash_and_a_key_and_the_receipt_is_hashed() -> None:
    seen: list[httpx.Request] = []

    async def take(request: httpx.Request) -> httpx.Response:
        assert await request.aread() == COPY
        seen.append(request)
        return httpx.Response(201, content=b'{"receipt": 7}')

    sender = HttpsSender(httpx.MockTransport(take))
    answer = await sender(TARGET, DSR, "acme", INFO, content())
    await sender.aclose()
    assert answer == Answer(201, hashlib.sha256(b'{"receipt": 7}').hexdigest())
    (request,) = seen
    assert str(request.url) == "https://other.example/in"
    assert request.headers["Idempotency-Key"] == str(DSR)
    assert request.headers["Authorization"] == "Bearer secret-token"
    assert request.headers["Content-Length"] == str(len(COPY))
    assert "sha-256=:" in request.headers["Repr-Digest"]
    assert "secret-token" not in repr(TARGET)


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"Location": "https://169.254.169.254/latest"})

    assert (await send(redirect)).status == 307
    assert asked == ["https://other.example/in"]


async def test_an_endless_receipt_is_cut_and_one_that_never_comes_is_no_answer() -> None:
    huge = b"x" * (MOST_OF_A_RECEIPT + 5)
    answer = await send(lambda _: httpx.Response(200, content=huge))
    assert answer.receipt_sha256 == hashlib.sha256(huge[:MOST_OF_A_RECEIPT]).hexdigest()

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    assert await send(away) == Answer(None)


@pytest.mark.parametrize(
    ("status", "attempts", "state", "problem"),
    [
        (200, 1, TransmissionState.TRANSMITTED, None),
        (202, MOST_ATTEMPTS, TransmissionState.TRANSMITTED, None),
        (400, 1, TransmissionState.REFUSED, "http_400"),
        (307, 1, TransmissionState.REFUSED, "http_307"),
        (429, 1, TransmissionState.WAITING, "http_429"),
        (503, 1, TransmissionState.WAITING, "http_503"),
        (None, 1, TransmissionState.WAITING, "unreachable"),
        (None, MOST_ATTEMPTS - 1, TransmissionState.WAITING, "unreachable"),
        (503, MOST_ATTEMPTS, TransmissionState.REFUSED, "http_503"),
    ],
)
def test_what_may_change_is_tried_again_until_a_person_has_to_look(
    status: int | None, attempts: int, state: TransmissionState, problem: str | None
) -> None:
    assert judge(Answer(status), attempts) == (state, problem)


def test_pauses_double_up_to_hours() -> None:
    assert [pause_after(n) for n in (1, 2, 3)] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pause_after(MOST_ATTEMPTS) == LONGEST_PAUSE


GOOD: dict[str, object] = {
    "target": "other",
    "name": "Other",
    "endpoint": "https://other.example/in",
    "controllers": ["acme"],
}


def written(directory: Path, *entries: dict[str, object]) -> Path:
    path = directory / "targets.yaml"
    path.write_text(yaml.safe_dump({"targets": list(entries)}))
    return path


def test_targets_are_read_with_their_tokens_from_the_environment(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "token": "env:OTHER"})
    assert read_targets(path, {"OTHER": "t"})["other"].token == "t"
    assert read_targets(None) == {}
    with pytest.raises(ValueError, match=r"other\.token: env:OTHER is not set"):
        read_targets(path, {})


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://other.example/in",
        "https://user:pw@other.example/in",
        "https://other.example/in?to=me",
        "https://other.example/in#x",
        "https:///in",
        "file:///etc/passwd",
    ],
)
def test_only_plain_https_addresses_can_be_listed(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(ValueError, match="use https://host/path"):
        read_targets(written(tmp_path, {**GOOD, "endpoint": endpoint}))


def test_a_list_with_a_fault_is_refused_by_field(tmp_path: Path) -> None:
    faulty: list[tuple[list[dict[str, object]], str]] = [
        ([GOOD, GOOD], "appears twice"),
        ([{**GOOD, "controllers": []}], "controllers"),
        ([{**GOOD, "url": "x"}], "url"),
        ([{**GOOD, "token": "plain"}], "token"),
    ]
    for wrong, words in faulty:
        with pytest.raises(ValueError, match=words):
            read_targets(written(tmp_path, *wrong))
    with pytest.raises(ValueError, match="cannot be read"):
        read_targets(tmp_path / "absent.yaml")
