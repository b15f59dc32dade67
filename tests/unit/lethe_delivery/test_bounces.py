"""Reports on delivery as mail servers write them: RFC 3464, RFC 6533, and what is none."""

import uuid
from pathlib import Path

import pytest

from lethe_delivery import Bounce, ReportBox, delivery_of, read_bounce

DOMAIN = "letters.acme.example"
ID = uuid.UUID("5f9a3c1e-0000-4000-8000-000000000001")

REPORT = """\
From: MAILER-DAEMON@mx.example
To: bounces@letters.acme.example
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; nadia@mail.example
Action: ACTION
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <nadia@mail.example>: nadia has left

--b
Content-Type: KIND

Message-ID: <5f9a3c1e-0000-4000-8000-000000000001@letters.acme.example>
Subject: Important

--b--
"""


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/rfc822"])
def test_a_bounce_names_our_letter_and_no_person(kind: str) -> None:
    report = REPORT.replace("ACTION", "failed").replace("KIND", kind)
    bounce = read_bounce(report.encode(), DOMAIN)
    assert bounce is not None
    assert bounce.delivery_id == ID
    assert bounce.permanent
    assert bounce.status.startswith("5.1.1 550 5.1.1")
    assert "nadia" not in bounce.status


@pytest.mark.parametrize(
    "raw",
    [
        REPORT.replace("ACTION", "delayed").replace("KIND", "message/rfc822"),
        REPORT.replace("ACTION", "delivered").replace("KIND", "message/rfc822"),
        REPORT.replace("ACTION", "failed").replace("KIND", "message/rfc822").replace("letters.acme", "other"),
        REPORT.replace("ACTION", "failed").replace("KIND", "application/octet-stream"),
        REPORT.replace("multipart/report", "multipart/mixed").replace("ACTION", "failed").replace("KIND", "text/plain"),
        "Subject: hello\n\nhow are you",
        "",
        "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n\xff",
    ],
)
def test_what_is_no_failure_of_one_of_our_letters_is_none(raw: str) -> None:
    assert read_bounce(raw.encode(), DOMAIN) is None


def failed(report: str = REPORT) -> str:
    return report.replace("ACTION", "failed").replace("KIND", "text/rfc822-headers")


def test_a_server_that_gave_up_for_now_says_so_and_one_without_a_code_means_it() -> None:
    for code, permanent in (("4.4.7", False), ("4.2.2 (mailbox full)", False), ("5.2.2", True), ("unclear", True)):
        bounce = read_bounce(failed().replace("Status: 5.1.1", f"Status: {code}").encode(), DOMAIN)
        assert bounce is not None
        assert bounce.permanent is permanent, code


def test_the_envelope_id_that_we_gave_names_the_letter_also_without_its_headers() -> None:
    bare = failed().replace("Reporting-MTA", f"Original-Envelope-Id: {ID}\nReporting-MTA")
    bounce = read_bounce(bare.replace("Message-ID: <", "X-Other: <").encode(), "elsewhere.example")
    assert bounce is not None
    assert bounce.delivery_id == ID


def test_a_report_in_the_international_form_is_read_too() -> None:
    report = failed().replace("message/delivery-status", "message/global-delivery-status")
    report = report.replace("text/rfc822-headers", "message/global-headers").replace("nadia", "nadía")
    bounce = read_bounce(report.encode(), DOMAIN)
    assert bounce is not None
    assert (bounce.delivery_id, bounce.permanent) == (ID, True)
    assert "nad" not in bounce.status


def test_headers_that_come_back_encoded_are_read_too() -> None:
    kind = "Content-Type: text/rfc822-headers"
    coded = failed().replace(kind, f"{kind}\nContent-Transfer-Encoding: quoted-printable")
    coded = coded.replace("@letters", "=40letters")
    assert read_bounce(coded.encode(), DOMAIN) is not None


def test_the_same_report_is_known_again_and_another_one_is_another() -> None:
    one, same = (read_bounce(failed().encode(), DOMAIN) for _ in range(2))
    other = read_bounce(failed().replace("Sorry.", "Sorry again.").encode(), DOMAIN)
    assert one is not None
    assert other is not None
    assert one == same
    assert one.report != other.report


def test_every_cut_of_a_report_is_read_without_an_error() -> None:
    raw = failed().encode()
    for end in range(0, len(raw), 7):
        read_bounce(raw[:end] + b"\x00\xff--b--", DOMAIN)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (str(ID), ID),
        (f"<{ID}@{DOMAIN}>", ID),
        (f" {ID}@{DOMAIN} ".upper(), ID),
        (f"<{ID}@other.example>", None),
        ("", None),
        ("nadia@mail.example", None),
    ],
)
def test_a_provider_names_a_letter_by_its_id_or_its_message_id(reference: str, found: uuid.UUID | None) -> None:
    assert delivery_of(reference, DOMAIN) == found


def put(path: Path, name: str, text: str) -> None:
    (path / "new").mkdir(exist_ok=True)
    (path / "new" / name).write_bytes(text.encode())


def left(path: Path) -> tuple[list[str], list[str]]:
    return tuple(sorted(p.name for p in (path / part).glob("*")) for part in ("new", "cur"))  # type: ignore[return-value]


def test_reports_that_were_taken_are_removed_and_the_rest_is_left_for_a_person(tmp_path: Path) -> None:
    put(tmp_path, "1.ours", failed())
    put(tmp_path, "2.a-person-answered", "Subject: hello\n\nplease call me")
    put(tmp_path, "3.not-ours", failed().replace(str(ID), str(uuid.UUID(int=3))))
    box = ReportBox(tmp_path, DOMAIN)
    arrived = box.read()
    assert [type(one.bounce) for one in arrived] == [Bounce, type(None), Bounce]
    box.settle(arrived, {ID})
    assert left(tmp_path) == (["3.not-ours"], ["2.a-person-answered:2,"])  # it may be on its way into the ledger
    box.settle(box.read(), ())
    assert left(tmp_path) == ([], ["2.a-person-answered:2,", "3.not-ours:2,"])


def test_nothing_is_removed_before_it_was_taken(tmp_path: Path) -> None:
    put(tmp_path, "1", failed())
    ReportBox(tmp_path, DOMAIN).read()  # killed here
    assert [one.bounce is not None for one in ReportBox(tmp_path, DOMAIN).read()] == [True]


def test_a_file_that_another_instance_took_meanwhile_is_no_error(tmp_path: Path) -> None:
    put(tmp_path, "1", failed())
    put(tmp_path, "2", "Subject: hello\n\nhello")
    box = ReportBox(tmp_path, DOMAIN)
    arrived = box.read()
    for file in (tmp_path / "new").glob("*"):
        file.unlink()
    box.settle(arrived, {ID})
    assert left(tmp_path) == ([], [])
