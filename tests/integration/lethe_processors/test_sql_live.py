"""Held against the real database, a register tells what would go wrong before anybody asks to be erased."""

# ruff: noqa: E501 - tables, one case a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_example_shop import create_roles, load
from lethe_processors.credentials import Credentials
from lethe_processors.register import Problem, check_live, load_register
from lethe_testkit.described import KEY, READ, WRITE, run_sql, write_register

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "dataset:\n  - fides_key: tiny\n    collections:\n"
DATASET = (
    HEAD
    + """
      - name: members
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
      - name: notes
        lethe:
          erase: delete
          retain: {ground: legal_claims, article: GDPR Art. 17(3)(e), category: user.name, when: [{field: open, equals: 1}]}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: open}
          - {name: member_id, fides_meta: {references: [{dataset: tiny, field: members.id, direction: from}]}}
          - {name: body, data_categories: [user.name]}
"""
).replace("email}}\n      - name: notes", "email}, lethe: {erase: null}}\n      - name: notes")
TABLES = """
CREATE TABLE members (id int PRIMARY KEY, email text);
CREATE INDEX ON members (lower(email));
CREATE TABLE notes (id int PRIMARY KEY, open int, member_id int REFERENCES members, body text);
CREATE INDEX ON notes (member_id);
"""


async def told(directory: Path, dsn: str, *, read: str | None = None, **environ: str) -> list[Problem]:
    register = load_register(write_register(directory, DATASET))
    known = {READ: read or dsn, WRITE: dsn, "DESCRIBED_KEY": KEY, **environ}
    problems = await check_live(register, Credentials({k: v for k, v in known.items() if v}))
    return [p for p in problems if "may also change it" not in p.message]


async def test_a_database_that_fits_has_no_problem(postgres_dsn: str, tmp_path: Path) -> None:
    await run_sql(postgres_dsn, TABLES)
    assert await told(tmp_path, postgres_dsn) == []


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ("DROP TABLE notes", "notes", "no such table"),
        ("ALTER TABLE notes DROP COLUMN body", "notes.body", "no such column"),
        ("ALTER TABLE notes DROP CONSTRAINT notes_pkey", "notes.id", "not unique"),
        ("CREATE TABLE secrets (member int REFERENCES members)", "members", "would block its deletion"),
        ("CREATE TABLE secrets (member int REFERENCES members ON DELETE CASCADE)", "members", "would be deleted with it"),
        ("CREATE TABLE secrets (member int REFERENCES members ON DELETE SET NULL)", "members", "would lose their reference"),
        ("ALTER TABLE notes ADD second int REFERENCES members", "members", "public.notes (second)"),
        ("ALTER TABLE members ALTER email SET NOT NULL", "members.email", "NOT NULL"),
        ("ALTER TABLE notes ALTER open TYPE date USING now()", "notes", "do not fit its columns"),
        ("ALTER TABLE notes DROP CONSTRAINT notes_member_id_fkey; INSERT INTO notes VALUES (1, 1, 77, 'x')", "notes",
         "belong to nobody"),
    ],
)  # fmt: skip
async def test_what_would_go_wrong_is_told(
    postgres_dsn: str, tmp_path: Path, change: str, field: str, message: str
) -> None:
    await run_sql(postgres_dsn, TABLES, change)
    problems = await told(tmp_path, postgres_dsn)
    found = [p for p in problems if p.field == field and message.removeprefix("public.") in p.message]
    assert found, [str(p) for p in problems]
    assert found[0].blocking
    assert found[0].fix


async def test_a_look_up_without_an_index_is_a_warning(postgres_dsn: str, tmp_path: Path) -> None:
    await run_sql(postgres_dsn, TABLES, "DROP INDEX members_lower_idx; DROP INDEX notes_member_id_idx")
    problems = await told(tmp_path, postgres_dsn)
    assert [(p.field, p.blocking) for p in problems] == [("members.email", False), ("notes.member_id", False)]
    assert "CREATE INDEX" in problems[0].fix
    for problem in problems:  # the advice can be followed as it stands
        await run_sql(postgres_dsn, problem.fix.rstrip("."))
    assert await told(tmp_path, postgres_dsn) == []


async def test_rights_are_told_by_role(postgres_dsn: str, tmp_path: Path, unique: str) -> None:
    await load(postgres_dsn, people=1)
    await run_sql(postgres_dsn, TABLES)
    reader, eraser = (f"reader_{unique}", "r"), (f"eraser_{unique}", "e")
    await create_roles(postgres_dsn, reader=reader, eraser=eraser)
    account = postgres_dsn.split("//")[1].split("@", maxsplit=1)[0]
    try:
        await run_sql(
            postgres_dsn,
            f"GRANT SELECT ON notes TO {reader[0]}, {eraser[0]}; GRANT SELECT, DELETE ON members TO {eraser[0]}",
            "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
        )
        write, read = (postgres_dsn.replace(account, ":".join(role)) for role in (eraser, reader))
        problems = {(p.field, p.message) for p in await told(tmp_path, write, read=read)}
        assert ("members", "the `read` role may not read it.") in problems
        assert ("members", "the `write` role lacks UPDATE.") in problems
        assert ("notes", "the `write` role lacks DELETE, UPDATE.") in problems
        assert sum("row security hides rows" in m for _, m in problems) == 2
    finally:
        await run_sql(postgres_dsn, *(f"DROP OWNED BY {r}; DROP ROLE {r}" for r, _ in (reader, eraser)))


async def test_a_database_out_of_reach_or_a_missing_credential_is_a_problem_of_its_processor(
    postgres_dsn: str, tmp_path: Path
) -> None:
    await run_sql(postgres_dsn, TABLES)
    away = "postgresql://nobody:hidden@127.0.0.1:9/none"
    problems = await told(tmp_path, postgres_dsn, **{READ: away, WRITE: ""})
    assert {p.field for p in problems} == {"connector.read", "connector.write"}
    assert all("hidden" not in str(p) for p in problems)
    assert any(WRITE in str(p) for p in problems)
