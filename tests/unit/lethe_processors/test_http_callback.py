"""A vendor's call back is believed by its signature over time and body, and for as long as it is fresh."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lethe_processors.http.callback import Callback, NotTheirs, believe, read, reference_of
from lethe_processors.http.errors import Nonsense
from lethe_processors.http.steps import JobState
from lethe_testkit.http_vendor import NOW

SECRET = "shared"
BODY = b'{"job": "j1", "state": "deleted"}'
AT = str(int(NOW.timestamp()))
DESCRIBED: dict[str, Any] = {
    "secret": "env:HOOK",
    "signature": "X-Signature",
    "timestamp": "X-Time",
    "job": "$.job",
    "status": "$.state",
    "map": {"running": ["working"], "done": ["deleted"], "failed": ["failed"]},
}
CALLBACK = Callback.model_validate(DESCRIBED)


def signed(body: bytes = BODY, at: str = AT, secret: str = SECRET, form: str = "{timestamp}.{body}") -> dict[str, str]:
    text = form.encode().replace(b"{timestamp}", at.encode()).replace(b"{body}", body)
    return {"x-time": at, "x-signature": hmac.digest(secret.encode(), text, "sha256").hex()}


def test_a_call_that_was_signed_just_now_is_believed_and_says_which_job_ended() -> None:
    believe(CALLBACK, SECRET, signed(), BODY, NOW)
    called = read(CALLBACK, "vendor", BODY)
    assert called == (reference_of("vendor", "j1"), JobState.DONE)
    assert "j1" not in called.reference
    assert called.reference != reference_of("another", "j1")


def test_while_a_secret_is_rotated_both_are_good() -> None:
    for secret in ("old", "new"):
        believe(CALLBACK, "old new", signed(secret=secret), BODY, NOW)
    with pytest.raises(NotTheirs):
        believe(CALLBACK, "new", signed(secret="old"), BODY, NOW)


def test_other_ways_of_signing_can_be_described() -> None:
    told = {"prefix": "v1=", "encoding": "base64", "signed": "v0:{timestamp}:{body}", "window": "PT1M"}
    other = Callback.model_validate({**DESCRIBED, **told})
    at = NOW.isoformat()
    mac = bytes.fromhex(signed(at=at, form=told["signed"])["x-signature"])
    headers = {"x-time": at, "x-signature": "v1=" + base64.b64encode(mac).decode()}
    believe(other, SECRET, headers, BODY, NOW)


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        (signed(), BODY + b" ", "signature_wrong"),
        (signed(secret="guessed"), BODY, "signature_wrong"),
        ({**signed(), "x-time": str(int(AT) + 1)}, BODY, "signature_wrong"),
        ({"x-time": AT}, BODY, "signature_missing"),
        ({"x-time": AT, "x-signature": "no hex"}, BODY, "signature_missing"),
        ({"x-time": AT, "x-signature": ""}, BODY, "signature_missing"),
        ({"x-signature": signed()["x-signature"]}, BODY, "time_missing"),
        (signed(at="yesterday"), BODY, "time_missing"),
        (signed(at="2026-05-01T00:00:00"), BODY, "time_missing"),  # of no zone
        (signed(at="99999999999"), BODY, "outside_window"),
        (signed(at=str(int(AT) - 301)), BODY, "outside_window"),
        (signed(at=str(int(AT) + 301)), BODY, "outside_window"),
    ],
)
def test_a_call_that_is_not_theirs_or_not_fresh_is_not_believed(
    headers: dict[str, str], body: bytes, code: str
) -> None:
    with pytest.raises(NotTheirs) as told:
        believe(CALLBACK, SECRET, headers, body, NOW)
    assert str(told.value) == code


def test_a_replay_is_good_no_longer_than_the_window() -> None:
    headers = signed()
    believe(CALLBACK, SECRET, headers, BODY, NOW + timedelta(minutes=5))
    with pytest.raises(NotTheirs):
        believe(CALLBACK, SECRET, headers, BODY, NOW + timedelta(minutes=5, seconds=1))


def test_without_any_secret_nothing_is_believed() -> None:
    with pytest.raises(NotTheirs):
        believe(CALLBACK, "  ", signed(secret=""), BODY, NOW)


@given(st.dictionaries(st.sampled_from(["x-time", "x-signature"]), st.text(max_size=80)), st.binary(max_size=80))
def test_whatever_a_stranger_sends_is_disbelieved_and_breaks_nothing(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(NotTheirs):
        believe(CALLBACK, SECRET, headers, body, NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"job": "j1"}',
        b'{"job": true, "state": "deleted"}',
        b'{"job": "", "state": "x"}',
        b"\xff",
        b"9" * 9999,
    ],
)
def test_a_believed_call_of_another_shape_is_nonsense(body: bytes) -> None:
    with pytest.raises(Nonsense):
        read(CALLBACK, "vendor", body)


@pytest.mark.parametrize("state", ["working", "a new word", None, 7])
def test_a_status_that_the_profile_does_not_know_ends_nothing(state: object) -> None:
    body = json.dumps({"job": 9, "state": state}).encode()
    assert read(CALLBACK, "vendor", body) == (reference_of("vendor", "9"), JobState.RUNNING)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"signed": "{body}"}, "once each"),
        ({"signed": "{timestamp}{body}{body}"}, "once each"),
        ({"map": {"failed": ["x"]}}, "mean done"),
        ({"map": {"done": ["x"], "failed": ["x"]}}, "one list"),
        ({"secret": "hunter2"}, "secret"),
        ({"window": "PT2H"}, "window"),
        ({"window": "PT0S"}, "window"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_description_that_would_let_anybody_in_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Callback.model_validate({**DESCRIBED, **change})
    assert told in str(refused.value)
