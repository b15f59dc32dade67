import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from lethe_delivery import (
    BadSettings,
    Mail,
    Outgoing,
    Policy,
    SmsSettings,
    SmsWebhook,
    SmtpSettings,
    State,
    Tls,
    Verdict,
    delivery_id,
)
from lethe_delivery.messages import scrubbed

ID = uuid.UUID("5f9a3c1e-0000-4000-8000-000000000001")


def test_the_id_of_a_delivery_is_the_same_for_ever() -> None:
    assert str(delivery_id("dsr/7/erased", ID)) == "e0c4701b-d697-56f4-ae80-be939eda595f"


@pytest.mark.parametrize(
    ("reply", "known", "kept"),
    [
        ("550 5.1.1 <nadia@mail.example>: no such mailbox", "", "550 5.1.1 ‹address›: no such mailbox"),
        ("550 nadia.petrova unknown", "nadia.petrova@mail.example", "550 ‹recipient› unknown"),
        ("250 2.0.0 Ok: queued as 4FzL1w20261123", "nadia@mail.example", "250 2.0.0 Ok: queued as 4FzL1w20261123"),
        ("451 a\r\nb\x00c", "x@y.example", "451 a b c"),
        ("500 to +49 30 1234567 no", "+49 30 1234567", "500 to ‹recipient› no"),
    ],
)
def test_a_reply_keeps_its_code_and_loses_the_address(reply: str, known: str, kept: str) -> None:
    assert scrubbed(reply, known) == kept


def test_pauses_double_spread_and_end() -> None:
    policy = Policy()
    pauses = [policy.pause(ID, attempt) for attempt in range(1, 41)]
    assert timedelta(minutes=1) <= pauses[0] <= timedelta(minutes=1.2)
    assert pauses[1] == 2 * pauses[0]
    assert pauses[-1] <= timedelta(hours=2.4)
    assert pauses == sorted(pauses)
    assert timedelta(days=2.5) < sum(pauses, timedelta()) < timedelta(days=4)
    assert policy.after(Verdict.TRANSIENT, 39) is State.QUEUED
    assert policy.after(Verdict.TRANSIENT, 40) is State.FAILED
    assert policy.after(Verdict.UNCERTAIN, 40) is State.UNCERTAIN


@pytest.mark.parametrize(
    "wrong",
    [{"window": 0}, {"batch": 0}, {"max_attempts": 0}, {"per_second": 0}, {"hand_over_within": timedelta(seconds=90)}],
)
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadSettings):
        Policy(**wrong)  # type: ignore[arg-type]


def test_a_password_never_goes_over_a_plain_connection_nor_into_a_log() -> None:
    settings = SmtpSettings(host="mx.example", domain="d.example", bounces="b@d.example", username="u", password="pa55")
    assert "pa55" not in repr(settings)
    with pytest.raises(BadSettings, match="only sent over TLS"):
        SmtpSettings(host="mx.example", domain="d", bounces="b@d", password="pa55", tls=Tls.NONE)
    assert "nadia" not in repr(Mail(to="nadia@mail.example", sender="a@b.example", subject="s", text="t"))


def sms(to: str = "+49 30 1234567") -> Outgoing:
    return Outgoing(
        id=ID, queued_at=datetime(2026, 5, 4, tzinfo=UTC), mail=Mail(to=to, sender="", subject="", text="Code: 493-118")
    )


@pytest.mark.parametrize(
    ("answer", "idempotent", "verdict"),
    [
        (httpx.Response(202, text="ok"), False, Verdict.SENT),
        (httpx.Response(400, text="bad number +49301234567"), False, Verdict.PERMANENT),
        (httpx.Response(429), False, Verdict.TRANSIENT),
        (httpx.Response(401), False, Verdict.TRANSIENT),  # the account, not the recipient
        (httpx.Response(503), False, Verdict.UNCERTAIN),
        (httpx.Response(503), True, Verdict.TRANSIENT),
        (httpx.ConnectError("x"), False, Verdict.TRANSIENT),
        (httpx.ReadTimeout("x"), False, Verdict.UNCERTAIN),
        (httpx.ReadTimeout("x"), True, Verdict.TRANSIENT),
        (httpx.RemoteProtocolError("x"), False, Verdict.UNCERTAIN),
    ],
)
async def test_what_a_provider_of_sms_answers_is_judged_by_what_it_may_have_done(
    answer: httpx.Response | Exception, idempotent: bool, verdict: Verdict
) -> None:
    asked: list[httpx.Request] = []

    def provider(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    settings = SmsSettings(url="https://sms.example/send", token="t0ken", idempotent=idempotent)
    webhook = SmsWebhook(settings, httpx.MockTransport(provider))
    outcome = (await webhook.send([sms()]))[ID]
    assert outcome.verdict is verdict
    assert "1234567" not in outcome.reply
    assert asked[0].headers["Idempotency-Key"] == str(ID)
    assert asked[0].headers["Authorization"] == "Bearer t0ken"
    assert b'"to": "+49301234567"' in asked[0].content
    assert "t0ken" not in repr(settings)
    await webhook.close()


async def test_a_number_that_is_none_is_never_sent() -> None:
    webhook = SmsWebhook(SmsSettings(url="https://sms.example"), httpx.MockTransport(lambda _: httpx.Response(500)))
    assert (await webhook.send([sms("call me")]))[ID].verdict is Verdict.PERMANENT
    await webhook.close()
