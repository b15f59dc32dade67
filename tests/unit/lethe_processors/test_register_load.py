"""A register is loaded as a whole, or everything that is wrong with it is told."""

# ruff: noqa: E501 - tables, one case a line
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lethe_processors.register import RegisterError, RegisterSource, check_register, load_register
from lethe_testkit.described import described, write_register

EXAMPLES = Path(__file__).parents[3] / "examples" / "register"

DATASET = """
dataset:
  - fides_key: tiny
    name: Tiny
    collections:
      - name: person
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
      - name: note
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: person_id, fides_meta: {references: [{dataset: tiny, field: person.id, direction: from}]}}
          - {name: body, data_categories: [user.name]}
"""


def told(directory: Path) -> list[str]:
    return [str(p) for p in check_register(directory)]


def change(old: str, new: str) -> str:
    assert old in DATASET
    return DATASET.replace(old, new)


def test_a_good_register_has_no_problems_and_carries_its_dataset(tmp_path: Path) -> None:
    processor = described(tmp_path, DATASET)
    assert told(tmp_path) == []
    assert processor.dataset is not None
    assert [c.name for c in processor.dataset.collections] == ["note", "person"]


def test_the_examples_load_without_a_warning() -> None:
    assert [p for p in check_register(EXAMPLES) if "shop" in p.file] == []


@pytest.mark.parametrize(
    ("dataset", "field", "message"),
    [
        # a reference that leads nowhere
        (change("person.id", "person.nr"), "note.person_id", "refers to person.nr, which is not described"),
        (change("person.id", "people.id"), "note.person_id", "refers to tiny:people.id, which this file does not describe"),
        # rows that cannot be told apart
        (change("{name: id, fides_meta: {primary_key: true}}\n          - {name: email", "{name: id}\n          - {name: email"),
         "person", "no field is its primary key"),
        # nothing leads to personal data
        (change(", fides_meta: {references: [{dataset: tiny, field: person.id, direction: from}]}", ""), "note",
         "no identity leads to it"),
        (change("direction: from", "direction: to"), "note", "no identity leads to it"),
        # nobody said what to do
        (change("      - name: note\n        lethe: {erase: delete}\n", "      - name: note\n"), "note",
         "nothing says what erasure does"),
        # a key that would be destroyed
        (change("{name: person_id,", "{name: person_id, lethe: {erase: null},"), "note.person_id", "`null` on a key"),
        (change("{name: id, fides_meta: {primary_key: true}}\n          - {name: email",
                "{name: id, lethe: {erase: pseudonymise}, fides_meta: {primary_key: true}}\n          - {name: email"),
         "person.id", "`pseudonymise` on a key"),
        # personal data called not personal
        (change("data_categories: [user.name]", "data_categories: [user.name], lethe: {erase: keep}"), "note.body",
         "kept as not personal"),
        (change("      - name: note\n        lethe: {erase: delete}", "      - name: note\n        lethe: {erase: keep}"), "note",
         "kept as not personal"),
        # words that nobody knows
        (change("[user.name]", "[user.nam]"), "note.body", "unknown data category user.nam"),
        (change("lethe: {erase: delete}\n        fields:\n          - {name: id, fides_meta: {primary_key: true}}\n          - {name: person_id",
                "lethe: {erase: delete, retain: {ground: because, article: GDPR Art. 17, category: user.name}}\n"
                "        fields:\n          - {name: id, fides_meta: {primary_key: true}}\n          - {name: person_id"),
         "note", "because: unknown ground"),
        # rows that stay must not keep what nobody decided about
        (change("      - name: note\n        lethe: {erase: delete}", "      - name: note\n        lethe: {erase: fields}"),
         "note.body", "nothing says what then happens to this field"),
        # a second person in the row
        (change("{name: body, data_categories: [user.name]}",
                "{name: to_id, fides_meta: {references: [{dataset: tiny, field: person.id, direction: from}]}}"),
         "note", "may belong to two people"),
        (change("{name: body,", "{name: body, lethe: {about: nobody},"), "note.body", "`about` names nobody"),
        (change("{name: body,", "{name: body, lethe: {owner: false},"), "note.body", "`owner: false` is for a field that refers"),
        # what others refer to as well must not be emptied for all
        (change("{name: body, data_categories: [user.name]}", "{name: home_id, fides_meta: {references: [{dataset: tiny, field: home.id, direction: to}]}}")
         + "      - name: home\n        lethe: {erase: fields}\n        fields: [{name: id, fides_meta: {primary_key: true}}]\n",
         "home", "would take them from the others"),
        # misspelt and misplaced sections
        (change("{name: body,", "{name: body, lethe: {erases: null},"), "dataset.0.collections.1.fields.2.lethe.erases",
         "this field is not known"),
        (change("    name: Tiny\n", "    name: Tiny\n    lethe: {erase: delete}\n"), "dataset.0.lethe", "no section is read here"),
        (change("      - name: note\n", "      - name: note\n        fides_meta: {skip_processing: true}\n"), "note",
         "skipped although it holds personal data"),
    ],
)  # fmt: skip
def test_a_wrong_dataset_is_told_with_its_field_and_line(
    tmp_path: Path, dataset: str, field: str, message: str
) -> None:
    problems = check_register(write_register(tmp_path, dataset))
    found = [p for p in problems if p.field == field and message in p.message]
    assert found, [str(p) for p in problems]
    assert found[0].blocking
    assert found[0].file == "datasets/tiny.yaml"
    assert found[0].line is not None
    assert found[0].fix


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"after": ["helpdesk"]}, "after.0", "no processor helpdesk"),
        ({"identities": ["email", "customer_id"]}, "identities", None),
        ({"data_categories": ["user.contact.email"]}, "data_categories", "the dataset holds user.name"),
        # `user.contact.em` is no parent of `user.contact.email`: whole segments only
        ({"data_categories": ["user.contact.em", "user.name"]}, "data_categories.0", "unknown data category"),
        ({"purposes": [{"use": "essential.servise", "lawful_basis": "contract"}]}, "purposes.0.use", "unknown data use"),
        ({"data_subjects": ["customers"]}, "data_subjects.0", "unknown data subject"),
        ({"connector": {"kind": "sql", "dataset": "datasets/none.yaml", "read": "env:R", "write": "env:W"}},
         "connector.dataset", "no dataset file"),
        ({"connector": {"kind": "sql", "dataset": "../tiny.yaml", "read": "env:R"}}, "connector.dataset", "outside the register"),
        ({"connector": {"kind": "sql", "dataset": "datasets/tiny.yaml", "read": "env:R"}}, "connector", "no `write` credential"),
        ({"connector": {"kind": "sql", "dataset": "datasets/tiny.yaml", "read": "secret"}}, "connector.read", "pattern"),
        ({"connector": {"kind": "http", "base_url": 3}}, "connector.base_url", None),
        ({"verification": {"excepted": {"ground": "trust", "article": "GDPR Art. 5(2)", "reason": "."}}},
         "verification.excepted", "trust: unknown ground"),
        ({"capabilities": {"verbs": ["erase"]}}, "verification", "cannot verify"),
        ({"processor": "lethe-package"}, "processor", "reserved"),
        ({"processor": "other"}, "processor", "the file is tiny.yaml"),
        ({"batsh": 5}, "batsh", "not known"),
        ({"role": "friend"}, "role", None),
        ({"ack_within": "P0D"}, "ack_within", None),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_with_its_field(
    tmp_path: Path, changes: dict[str, Any], field: str, message: str | None
) -> None:
    problems = check_register(write_register(tmp_path, DATASET, **changes))
    if field == "identities":  # told where the identity is missing: in the dataset
        assert any("found by customer_id, but no field" in p.message for p in problems)
        return
    assert any(p.field == field and (message is None or message in p.message) for p in problems), list(
        map(str, problems)
    )


def test_all_problems_are_told_at_once_and_nothing_is_loaded(tmp_path: Path) -> None:
    dataset = change("[user.name]", "[user.nam]").replace("person.id", "person.nr")
    write_register(tmp_path, dataset, after=["helpdesk"], data_subjects=["friend"])
    with pytest.raises(RegisterError) as caught:
        load_register(tmp_path)
    fields = {p.field for p in caught.value.problems}
    assert {"after.0", "data_subjects.0", "note.body", "note.person_id"} <= fields
    assert "Fix:" in str(caught.value)


def test_processors_that_wait_for_each_other_are_told(tmp_path: Path) -> None:
    write_register(tmp_path, DATASET, after=["second"])
    write_register(tmp_path, DATASET, name="second", after=["third"])
    write_register(tmp_path, DATASET, name="third", after=["tiny"])
    circles = [p for p in check_register(tmp_path) if "wait for each other" in p.message]
    assert {p.file for p in circles} == {"tiny.yaml", "second.yaml", "third.yaml"}


def test_collections_that_lead_only_to_each_other_are_told(tmp_path: Path) -> None:
    circle = """
      - name: left
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}, data_categories: [user.name]}
          - {name: right_id, fides_meta: {references: [{dataset: tiny, field: right.id, direction: from}]}}
      - name: right
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}, data_categories: [user.name]}
          - {name: left_id, fides_meta: {references: [{dataset: tiny, field: left.id, direction: from}]}}
"""
    write_register(tmp_path, DATASET + circle)
    assert sum("lead only to each other" in line for line in told(tmp_path)) == 2


def test_pseudonyms_need_a_key(tmp_path: Path) -> None:
    dataset = change(
        "      - name: note\n        lethe: {erase: delete}", "      - name: note\n        lethe: {erase: fields}"
    )
    dataset = dataset.replace("{name: body,", "{name: body, lethe: {erase: pseudonymise},")
    connector = {"kind": "sql", "dataset": "datasets/tiny.yaml", "read": "env:R", "write": "env:W"}
    write_register(tmp_path, dataset, connector=connector)
    assert any("needs a `key`: pseudonyms" in line for line in told(tmp_path))


def test_a_doubled_key_and_the_country_no_do_what_their_author_meant(tmp_path: Path) -> None:
    write_register(tmp_path, DATASET)
    file = tmp_path / "tiny.yaml"
    text = file.read_text().replace("transfer: none", "transfer: {mechanism: scc_2021_914, country: NO}")
    file.write_text(text + "batch: 5\nbatch: 6\n")
    problems = check_register(tmp_path)
    assert [p.message for p in problems] == ["the key is there twice."]
    file.write_text(text)
    transfer = load_register(tmp_path).processors["tiny"].transfer
    assert transfer is not None
    assert transfer.country == "NO"


@pytest.mark.parametrize("text", ["processor: [", "- a\n- b", "", "dataset: {fides_key: x}", "\tprocessor: x"])
def test_a_file_that_is_no_description_is_told_and_nothing_is_raised(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.yaml").write_text(text)
    assert [p.file for p in check_register(tmp_path)] == ["odd.yaml"]


def test_an_empty_directory_is_told(tmp_path: Path) -> None:
    assert "no processor is described" in told(tmp_path)[0]
    assert "no processor is described" in told(tmp_path / "missing")[0]


def test_the_version_follows_content_and_not_layout(tmp_path: Path) -> None:
    first = load_register(write_register(tmp_path, DATASET)).version
    file, dataset = tmp_path / "tiny.yaml", tmp_path / "datasets" / "tiny.yaml"
    file.write_text("# a comment\n" + yaml.safe_dump(yaml.safe_load(file.read_text()), sort_keys=False, width=40))
    assert load_register(tmp_path).version == first
    dataset.write_text(DATASET.replace("[user.name]", "[user.contact.email]"))
    assert load_register(tmp_path).version != first
    dataset.write_text(DATASET)
    file.write_text(file.read_text() + "concurrency: 7\n")
    assert load_register(tmp_path).version != first


def test_own_words_come_from_a_taxonomy_file(tmp_path: Path) -> None:
    write_register(
        tmp_path, change("[user.name]", "[user.loyalty]"), data_categories=["user.contact.email", "user.loyalty"]
    )
    assert told(tmp_path)
    (tmp_path / "taxonomy.yaml").write_text("data_category:\n  - {fides_key: user.loyalty, parent_key: user}\n")
    assert told(tmp_path) == []


def test_a_controllers_processors_are_those_that_name_it(tmp_path: Path) -> None:
    write_register(tmp_path, DATASET)
    write_register(tmp_path, DATASET, name="other", controllers=["beta"])
    register = load_register(tmp_path)
    assert [p.id for p in register.for_controller("acme")] == ["tiny"]
    assert [p.id for p in register.for_controller("nobody")] == []


def test_a_running_service_follows_changes_and_keeps_the_last_good_register(tmp_path: Path) -> None:
    now = 0.0
    source = RegisterSource(write_register(tmp_path, DATASET), clock=lambda: now)
    first = source.current()
    write_register(tmp_path, DATASET, concurrency=9)
    assert source.current() is first  # not looked at again within the same second
    now = 2.0
    assert source.current().processors["tiny"].concurrency == 9
    write_register(tmp_path, DATASET, concurrency=-1)
    now = 4.0
    assert source.current().processors["tiny"].concurrency == 9
    assert [p.field for p in source.problems] == ["concurrency"]
    write_register(tmp_path, DATASET, concurrency=3)
    now = 6.0
    assert source.current().processors["tiny"].concurrency == 3
    assert source.problems == ()


def test_a_file_as_fides_users_have_it_loads_and_its_strategies_are_understood(tmp_path: Path) -> None:
    fides = """
dataset:
  - fides_key: tiny
    organization_fides_key: default_organization
    name: Postgres Example
    data_categories: null
    collections:
      - name: customer
        fides_meta: {masking_strategy_override: {strategy: delete}}
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: True}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email, data_type: string, length: 40}
      - name: visit
        fields:
          - {name: id, fidesops_meta: {primary_key: True}}
          - name: customer_id
            fides_meta:
              references:
                - {dataset: tiny, field: customer.id, direction: from}
          - name: last_visit
            data_categories: [user.name]
            fides_meta: {masking_strategy_override: {strategy: null_rewrite}}
"""
    write_register(tmp_path, fides, capabilities={"verbs": ["export", "verify"]})
    assert told(tmp_path) == []  # readable as it is
    write_register(tmp_path, fides)
    assert [p.field for p in check_register(tmp_path)] == ["visit"]  # erasing needs one decision
    write_register(tmp_path, fides.replace("- name: visit", "- name: visit\n        lethe: {erase: fields}"))
    assert told(tmp_path) == []
