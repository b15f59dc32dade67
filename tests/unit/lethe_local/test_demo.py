from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from rich.console import Console

from lethe_client.models import AcceptedDsr
from lethe_client.sagas import Saga
from lethe_local.demo.bank import bank_lines
from lethe_local.demo.correction import correction_lines, wanted
from lethe_local.demo.moments import Follower, settled
from lethe_local.demo.screen import panel
from lethe_local.demo.summary import certificate_lines, package_lines, unproven_lines

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def task(number: int, processor: str, verb: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "task_id": str(UUID(int=number)),
        "processor_id": processor,
        "verb": verb,
        "status": status,
        "attempt": 0 if status == "blocked" else 1,
        **more,
    }


def saga(state: str, *tasks: dict[str, Any]) -> Saga:
    return Saga.model_validate(
        {
            "dsr_id": str(UUID(int=99)),
            "controller_id": "acme",
            "right": "erasure",
            "state": state,
            "received_at": NOW,
            "due_strict": NOW,
            "due_legal": NOW,
            "tasks": tasks,
        }
    )


def lines(follower: Follower, seen: Saga) -> list[str]:
    return [moment.text for moment in follower.look(seen, NOW)]


def test_each_change_is_told_once_and_what_waits_for_others_is_not_told() -> None:
    follower = Follower()
    first = saga("fulfilling", task(1, "shop", "erase", "issued"), task(2, "shop", "verify", "blocked"))
    assert lines(follower, first) == ["shop         erase: asked", "the request is fulfilling"]
    assert lines(follower, first) == []
    erased = task(1, "shop", "erase", "done", outcome="retained", grade="reread_absent")
    assert lines(follower, saga("verifying", erased, task(2, "shop", "verify", "issued"))) == [
        "shop         erase: erased, except what the law keeps · by reading again",
        "shop         look again: asked",
        "the request is verifying",
    ]


def test_another_attempt_and_another_round_are_told() -> None:
    follower = Follower()
    lines(follower, saga("fulfilling", task(1, "shop", "erase", "issued")))
    again = {**task(1, "shop", "erase", "issued"), "attempt": 2}
    assert lines(follower, saga("fulfilling", again)) == ["shop         erase: asked, attempt 2"]
    second = {**task(3, "shop", "erase", "incident", code="no_answer"), "round": 2}
    assert lines(follower, saga("fulfilling", again, second)) == ["shop         erase (round 2): incident (no_answer)"]


def test_moments_are_told_in_the_order_in_which_they_happened() -> None:
    later = task(1, "shop", "erase", "done", outcome="done", settled_at=NOW + timedelta(seconds=3))
    counts = {"counts": [{"collection": "a", "method": "erased", "rows": 4}, {"method": "retained", "rows": 9}]}
    sooner = task(2, "crm", "erase", "done", outcome="done", settled_at=NOW + timedelta(seconds=1), answer=counts)
    told = Follower().look(saga("fulfilling", later, sooner), NOW + timedelta(seconds=5))
    assert [(moment.seconds, moment.text) for moment in told] == [
        (1.0, "crm          erase: erased, 4 rows"),
        (3.0, "shop         erase: erased"),
        (5.0, "the request is fulfilling"),
    ]


def test_progress_counts_what_has_ended() -> None:
    tasks = [
        task(n, "shop", "erase", s)
        for n, s in enumerate(["done", "excepted", "issued", "incident", "blocked", "not_concerned"])
    ]
    assert settled(saga("fulfilling", *tasks)) == (3, 6)


def test_the_live_view_shows_clock_progress_and_every_processor() -> None:
    accepted = AcceptedDsr(
        dsr_id=UUID(int=99),
        status="received",
        due_strict=NOW,
        due_legal=NOW,
        due_date=date(2026, 4, 2),
        rule="GDPR Art. 12(3)",
    )
    seen = saga(
        "fulfilling",
        task(1, "shop", "erase", "done", outcome="retained"),
        task(2, "helpdesk", "erase", "accepted"),
        task(3, "shop", "verify", "blocked"),
    )
    console = Console(file=io.StringIO(), width=110)
    console.print(panel("Erasure", accepted, seen))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        "Erasure · fulfilling",
        "2026-04-02",
        "GDPR Art. 12(3)",
        "1 of 3 tasks",
        "shop",
        "helpdesk",
        "except what the law keeps",
    ):
        assert words in drawn


def test_the_package_is_told_by_processor_with_what_was_masked(tmp_path: Path) -> None:
    path = tmp_path / "package.zip"
    manifest = {"parts": [{"processor_id": "shop", "records": 12, "masked_rows": 2}, {"processor_id": "helpdesk"}]}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("index.html", "")
    told = list(package_lines(path))
    assert told[0] == "shop         12 records, 2 of them with what concerns other people masked (Art. 15(4))"
    assert told[1] == "helpdesk     0 records"
    assert told[2].startswith("2 files")


@pytest.fixture
def certificate() -> dict[str, Any]:
    erase = {
        "verb": "erase",
        "grade": "attested",
        "counts": [
            {"collection": "a", "method": "erased", "rows": 3},
            {"collection": "b", "method": "erased", "rows": 4},
            {"collection": "c", "method": "nulled", "rows": 1},
        ],
    }
    look = {"verb": "verify", "grade": "reread_absent"}
    return {
        "processors": [
            {"processor": "shop", "verdict": "proven", "tasks": [erase, look]},
            {"processor": "warehouse", "verdict": "unverifiable", "tasks": [{"verb": "erase", "grade": "attested"}]},
        ],
        "kept": [
            {
                "processor": "shop",
                "collection": "loans",
                "category": "user.financial",
                "rows": 2,
                "ground": "legal_obligation",
                "article": "GDPR Art. 17(3)(b)",
                "until": "2036-12-31T00:00:00Z",
            }
        ],
        "not_proven": [
            {"code": "backups", "meaning": "backups"},
            {"processor": "x", "code": "c", "meaning": "no look"},
        ],
    }


def test_the_certificate_is_told_by_processor_method_and_ground(certificate: dict[str, Any]) -> None:
    shop, warehouse = certificate_lines(certificate)
    assert shop == "shop         7 rows erased, 1 rows nulled · proven, by reading again"
    assert warehouse == "warehouse    nothing found · unverifiable, on the processor's word"
    assert list(unproven_lines(certificate)) == ["backups", "x: no look"]


def test_what_is_kept_is_told_by_ground_and_date_with_the_remedies(certificate: dict[str, Any]) -> None:
    loan = certificate["kept"][0]
    endless = {**loan, "collection": "customers", "category": "user.account", "rows": 1, "until": None}
    certificate["kept"] = [loan, endless, {**loan, "collection": "loan_payments", "rows": 3}]
    certificate["result"] = "partially_granted"
    certificate["processors"][0]["tasks"][0]["counts"].append(
        {"collection": "newsletter_subscriptions", "method": "erased", "rows": 1}
    )
    certificate["remedies"] = {
        "authority": {"name": "An authority", "site": "https://authority.example"},
        "complaint": "GDPR Art. 77(1)",
        "court": "GDPR Art. 79(1)",
    }
    assert list(bank_lines(certificate)) == [
        "outcome      partially granted: decided per category, never per customer",
        "erased       1 rows of marketing",
        "erased       7 rows of everything else",
        "kept by law  1 rows of customers (user.account): legal obligation, GDPR Art. 17(3)(b), until the ground ends",
        (
            "kept by law  2 rows of loans (user.financial), 3 rows of loan_payments (user.financial): "
            "legal obligation, GDPR Art. 17(3)(b), until 2036-12-31"
        ),
        "afterwards   each kept part is erased when its date comes, without anyone asking",
        "complaint    An authority, https://authority.example (GDPR Art. 77(1))",
        "court        a judicial remedy is open as well (GDPR Art. 79(1))",
    ]


def test_without_anything_kept_nothing_is_promised_for_later(certificate: dict[str, Any]) -> None:
    told = list(bank_lines(certificate | {"kept": [], "result": "granted"}))
    assert not any("kept" in line or "afterwards" in line or "complaint" in line for line in told)


def test_a_correction_is_told_from_the_database_and_by_the_hashes_in_the_record(certificate: dict[str, Any]) -> None:
    evidence = [{"kind": "stored_answer"}, {"kind": "old_values_hmac"}, {"kind": "new_values_hmac"}]
    certificate["processors"] = [{"processor": "shop", "tasks": [{"verb": "rectify", "evidence": evidence}]}]
    assert list(correction_lines(certificate, "de", wanted("de"))) == [
        "the field    customers.language: de → en, read from the database",
        "shop         evidence: new_values_hmac, old_values_hmac: keyed hashes, no values",
    ]
    assert wanted("en") == "fr"
    corrected = saga("verifying", task(1, "shop", "verify", "done", outcome="nothing_found")).model_copy(
        update={"right": "rectification"}
    )
    assert lines(Follower(), corrected)[0].startswith("shop         look again: as asked")
