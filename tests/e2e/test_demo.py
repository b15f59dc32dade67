"""The demonstration as a person runs it, without a terminal: what it shows is true, and nothing is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lethe_local.processes import records
from lethe_testkit.engines import private_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_local.state import State

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def state() -> Iterator[State]:
    with private_state() as made:
        yield made
        left = records.all_ours(made)
        records.stop_all(made, grace=5)
        assert left == []


@pytest.fixture(scope="module")
def said(state: State) -> str:
    """What the demonstration prints from its start to its own end."""
    text, wrong = start(state, "--once").communicate(timeout=280)
    assert wrong == ""
    assert records.all_ours(state) == []
    return text


def start(state: State, *arguments: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LETHE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "lethe_local", "demo", "--free-ports", "--people", "50", *arguments],
        env={**kept, "LETHE_LOCAL_DIR": str(state.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_three_requests_are_carried_out_shown_and_proved(said: str) -> None:
    # both requests, with their clock
    assert len(re.findall(r"to be answered by \d{4}-\d\d-\d\d", said)) == 3
    assert said.count("1 month later: ") == 3
    assert said.count("the request is closed") == 3
    # every sample processor was asked for both, and looked at again
    for processor in ("shop", "helpdesk", "warehouse"):
        assert re.search(rf"{processor} +export: exported", said)
        assert re.search(rf"{processor} +look again: absent", said)
    # what came of it
    assert re.search(r"shop +\d+ records", said)
    assert re.search(r"shop +\d+ rows erased", said)
    # the correction, in the database, with hashes in the record and no values
    assert re.search(r"shop +correct: corrected", said)
    assert re.search(r"shop +look again: as asked", said)
    assert re.search(r"customers\.language: (\w+) → (?!\1)\w+, read from the database", said)
    assert "old_values_hmac" in said
    # the bank case: marketing went, the loan stays with ground and date, and where to complain
    assert "partially granted" in said
    assert re.search(r"erased +1 rows of marketing", said)
    assert re.search(r"kept by law .*\d+ rows of loans .*, GDPR Art\. 17\(3\)\(b\), until \d{4}", said)
    assert re.search(r"complaint +.*GDPR Art\. 77\(1\)", said)
    assert said.count("signature and audit chain verified") == 3
    assert re.search(r"status page +http://127\.0\.0\.1:\d+/console", said)


def test_a_simulated_incident_goes_from_signals_to_a_drafted_notice(said: str) -> None:
    told = said[said.index("security signals arrive") :]
    steps = ["suspected ", "on-call ", "merged ", "left ", "due ", "severity ", "proposed ", "decided ", "version 1 "]
    at = [told.index(f"\n  {step}") for step in steps]
    assert at == sorted(at), "in the order in which they happen"
    assert told.count("no clock runs yet") == 2
    assert told.count("critical: Possible personal data breach at acme") == 2
    assert "72.0 hours" in told
    assert re.search(r"gaps +\d+ fields that the case cannot know yet", told)
    paper = re.search(r"as PDF +(\S+)", told)
    assert paper is not None
    assert Path(paper[1]).read_bytes().startswith(b"%PDF-")
    assert re.search(r"to be read, signed and filed at http://127\.0\.0\.1:\d+/console/breaches/", told)


def test_the_certificate_it_leaves_is_genuine_for_the_command_line_too_and_a_changed_one_is_not(
    state: State, said: str
) -> None:
    command = re.findall(r"lethe certificate verify (\S+) --key (\S+)", said)[-1]
    lethe = [sys.executable, "-c", "from lethe_client.cli import main; main()", "certificate", "verify"]
    genuine = subprocess.run([*lethe, command[0], "--key", command[1]], capture_output=True, text=True, check=False)
    assert genuine.returncode == 0, genuine.stderr
    changed = state.root / "changed.json"
    forgery = Path(command[0]).read_text().replace('"partially_granted"', '"granted"', 1)
    assert forgery != Path(command[0]).read_text()
    changed.write_text(forgery)
    forged = subprocess.run([*lethe, str(changed), "--key", command[1]], capture_output=True, text=True, check=False)
    assert forged.returncode == 1


def test_a_second_demonstration_starts_and_ctrl_c_stops_everything(state: State) -> None:
    demo = start(state)
    until = time.monotonic() + 240
    assert demo.stdout is not None
    for line in demo.stdout:
        assert time.monotonic() < until
        if "Ctrl-C" in line:
            break
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=60)
    assert demo.returncode == 0
    assert records.all_ours(state) == []
