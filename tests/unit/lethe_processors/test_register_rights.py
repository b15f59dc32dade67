"""What a register has to say before its processors may be asked for the rights beside erasure."""

# ruff: noqa: E501 - tables, one case a line
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from lethe_events.ids import task_id
from lethe_events.words import Right, Verb
from lethe_processors.register import check_register
from lethe_processors.verbs import looked_after
from lethe_testkit import tasks
from lethe_testkit.described import HEAD, OF_MEMBER, write_register

if TYPE_CHECKING:
    from pathlib import Path

FLAG = "restrict: {flag: off, view: shown}"
DATASET = (
    HEAD
    + f"""
      - name: members
        lethe: {{erase: delete, {FLAG}}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: off}}
      - name: letters
        lethe: {{erase: delete, restrict: {{with: member_id, view: shown_letters}}}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: body, data_categories: [user.name]}}
"""
)
ALL = ["export", "erase", "verify", "restrict", "lift"]


def members(restrict: str) -> str:
    assert FLAG in DATASET
    return DATASET.replace(FLAG, f"restrict: {restrict}")


def problems(directory: Path, dataset: str = DATASET, verbs: list[str] | None = None, **more: Any) -> list[str]:
    write_register(directory, dataset, capabilities={"verbs": verbs or ALL}, **more)
    return [f"{p.field}: {p.message}" for p in check_register(directory)]


def test_a_dataset_that_says_how_to_restrict_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        (DATASET.replace(f", {FLAG}", ""), "members: nothing says how its rows are restricted."),
        (members("{flag: gone, view: shown}"), "members: `flag` names gone, which is not described."),
        (members("{flag: email, view: shown}"), "members: `flag` names email, which is a key."),
        (members("{flag: off}"), "members: nothing says what ordinary readers read"),
        (members("{flag: off, view: members}"), "members: ordinary readers read the table itself, and no credential"),
        (members("none"), "members: rows of a shared collection are other people's too"),
        (members("{move: elsewhere}"), "members: `move` names elsewhere, which is not described with email, id, off"),
        (members("{move: letters}"), "members: `move` names letters, which is not described with email, off"),
        (members("{move: members}"), "members: `move` names members, which is not described with its name"),
        (members("{access: elsewhere, view: shown}"), "members: `access` names elsewhere, which is not described with id"),
        (DATASET.replace("with: member_id", "with: body"), "letters: `with` names body, which leads to no row of the person."),
        (members("{flag: off, move: letters}"), "dataset.0.collections.0.lethe.restrict"),
        (members("{move: letters, value: yes}"), "dataset.0.collections.0.lethe.restrict"),
        (members("{flag: off, value: 1, otherwise: 1}"), "dataset.0.collections.0.lethe.restrict"),
    ],
)  # fmt: skip
def test_a_method_that_is_missing_or_cannot_work_is_named(tmp_path: Path, dataset: str, told: str) -> None:
    found = problems(tmp_path, dataset)
    assert any(line.startswith(told) for line in found), found


def test_without_the_verb_nothing_is_asked_for(tmp_path: Path) -> None:
    assert problems(tmp_path, DATASET.replace(f", {FLAG}", ""), ["export", "erase", "verify"]) == []


def test_restricting_without_lifting_is_refused(tmp_path: Path) -> None:
    assert any("one without the other" in line for line in problems(tmp_path, verbs=["export", "verify", "restrict"]))


def test_a_connector_declares_only_what_it_can_do(tmp_path: Path) -> None:
    http = {"kind": "http", "base_url": "https://vendor.example"}
    found = problems(tmp_path, verbs=[*ALL, "rectify"], connector=http)
    assert any("a connector of kind http cannot lift, rectify, restrict." in line for line in found)
    assert any("cannot package" in line for line in problems(tmp_path, verbs=[*ALL, "package"]))


def test_whoever_changes_needs_a_credential_for_it(tmp_path: Path) -> None:
    reading = {"kind": "sql", "dataset": "datasets/tiny.yaml", "read": "env:DESCRIBED_READ_DSN"}
    found = problems(tmp_path, verbs=["export", "verify", "restrict", "lift"], connector=reading)
    assert any("it is to lift, restrict, but has no `write` credential." in line for line in found)


def test_a_look_knows_from_the_task_it_names_what_it_looks_for() -> None:
    look = tasks.task("tiny", Verb.VERIFY, 1, round=2, right=Right.RESTRICTION)
    for verb in (Verb.ERASE, Verb.RECTIFY, Verb.RESTRICT, Verb.LIFT, Verb.SUPPRESS):
        for round_ in (1, 2):
            assert looked_after(replace(look, verifies=task_id(look.dsr_id, "tiny", verb.value, round_))) is verb
    assert looked_after(look) is Verb.RESTRICT
    assert looked_after(tasks.task("tiny", Verb.VERIFY, 1)) is Verb.ERASE
    assert looked_after(tasks.task("tiny", Verb.VERIFY, 1, right=Right.CONSENT_WITHDRAWAL)) is Verb.SUPPRESS


MARKETING = [{"use": "marketing.communications.email", "lawful_basis": "consent"}]


def suppressing(rule: str) -> str:
    return DATASET.replace(FLAG, f"suppress: [{rule}]")


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        (DATASET, "purposes.0: nothing in the dataset says how processing for marketing.communications.email is stopped."),
        (suppressing("{purpose: marketing, flag: off}"), "purposes.0: nothing in the dataset says how"),  # it would stop more
        (suppressing("{purpose: marketing.nonsense, flag: off}"), "members: `suppress` names the unknown data use marketing.nonsense."),
        (suppressing("{purpose: marketing, flag: gone}"), "members: `suppress` names gone, which is not described."),
        (suppressing("{purpose: marketing, flag: id}"), "members: `flag` names id, which is a key"),
        (suppressing("{purpose: marketing, insert: off}"), "members: `insert` names off, which is no identity"),
        (suppressing("{purpose: marketing, insert: email, purpose_field: use}"), "members: `purpose_field` names use"),
        (suppressing("{purpose: marketing}"), "dataset.0.collections.0.lethe.suppress"),
        (suppressing("{purpose: marketing, flag: off, purpose_field: off}"), "dataset.0.collections.0.lethe.suppress"),
    ],
)  # fmt: skip
def test_a_purpose_that_could_not_be_stopped_is_named(tmp_path: Path, dataset: str, told: str) -> None:
    found = problems(tmp_path, dataset, ["export", "erase", "verify", "suppress"], purposes=MARKETING)
    assert any(line.startswith(told) for line in found), found


@pytest.mark.parametrize("basis", ["consent", "legitimate_interests", "public_task"])
def test_a_purpose_that_can_be_stopped_has_no_problems(tmp_path: Path, basis: str) -> None:
    verbs = ["export", "erase", "verify", "suppress"]
    purposes = [{**MARKETING[0], "lawful_basis": basis}, {"use": "essential.service", "lawful_basis": "contract"}]
    for rule in (
        "{purpose: marketing.communications.email, flag: off}",
        "{purpose: marketing, insert: email, purpose_field: off}",
    ):
        assert problems(tmp_path, suppressing(rule), verbs, purposes=purposes) == []


def test_correcting_needs_a_key_for_its_evidence(tmp_path: Path) -> None:
    keyless = {k: f"env:DESCRIBED_{k.upper()}_DSN" for k in ("read", "write")}
    connector = {"kind": "sql", "dataset": "datasets/tiny.yaml", **keyless}
    found = problems(tmp_path, verbs=["export", "erase", "verify", "rectify"], connector=connector)
    assert any("it needs a `key`: the hash over a corrected value" in line for line in found)
