"""A processor of one's own: one register file, one dataset file, and a person can be erased from it."""

import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from lethe_local.processes.ports import HOST, free_ports
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
REGISTER = """
processor: club
name: Sports club
owner: {name: Club office, contact: office@club.example}
controllers: [acme]
role: own_system
purposes: [{use: essential.service, lawful_basis: contract}]
data_categories: [user.name, user.contact.email, user.content]
data_subjects: [customer]
transfer: none
dpa: {status: not_needed}
identities: [email]
connector: {kind: sql, dataset: datasets/club.yaml, read: env:CLUB_READ, write: env:CLUB_WRITE}
"""
DATASET = """
dataset:
  - fides_key: club
    name: Club
    description: Members and what they booked
    collections:
      - name: members
        lethe: {erase: delete}
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: full_name, data_categories: [user.name]}
      - name: bookings
        lethe: {erase: delete}
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - name: member_id
            data_categories: [system.operations]
            fides_meta: {references: [{dataset: club, field: members.id, direction: from}]}
          - {name: court, data_categories: [system.operations]}
      - name: notes
        lethe: {erase: delete}
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - name: booking_id
            data_categories: [system.operations]
            fides_meta: {references: [{dataset: club, field: bookings.id, direction: from}]}
          - {name: body, data_categories: [user.content]}
"""
TABLES = """
CREATE TABLE members (id int PRIMARY KEY, email text NOT NULL, full_name text NOT NULL);
CREATE TABLE bookings (id int PRIMARY KEY, member_id int NOT NULL REFERENCES members (id), court text NOT NULL);
CREATE TABLE notes (id int PRIMARY KEY, booking_id int NOT NULL REFERENCES bookings (id), body text NOT NULL);
INSERT INTO members VALUES (1, 'Ada.Stein@mail.example', 'Ada Stein'), (2, 'bo.lund@mail.example', 'Bo Lund');
INSERT INTO bookings VALUES (10, 1, 'A'), (11, 1, 'B'), (20, 2, 'A');
INSERT INTO notes VALUES (100, 10, 'brings a friend'), (200, 20, 'late');
CREATE ROLE club_reader LOGIN PASSWORD 'club'; CREATE ROLE club_eraser LOGIN PASSWORD 'club';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO club_reader;
GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO club_eraser;
"""


def check(directory: Path) -> tuple[int, list[dict[str, object]]]:
    """`lethe register check`, as a person types it."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lethe", "register", "check", str(directory), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    return done.returncode, told["problems"] if isinstance(told, dict) else told


def describe(directory: Path) -> None:
    (directory / "datasets").mkdir()
    (directory / "club.yaml").write_text(REGISTER)
    (directory / "datasets" / "club.yaml").write_text(DATASET)


def test_a_mistake_in_the_files_is_named_with_file_and_fix_before_anything_runs(tmp_path: Path) -> None:
    describe(tmp_path)
    assert check(tmp_path)[0] == 0
    (tmp_path / "datasets" / "club.yaml").write_text(DATASET.replace("members.id", "people.id"))
    code, problems = check(tmp_path)
    assert code == 1
    assert any(str(p["file"]).endswith("club.yaml") and p["fix"] for p in problems)


async def test_one_register_file_and_one_dataset_file_are_enough_to_erase_a_person(tmp_path: Path) -> None:
    describe(tmp_path)
    (port,) = free_ports(1)
    read, write = (f"postgresql://{role}:club@{HOST}:{port}/club" for role in ("club_reader", "club_eraser"))
    told = {"LETHE_REGISTER": str(tmp_path), "LETHE_PORT_POSTGRES": str(port), "CLUB_READ": read, "CLUB_WRITE": write}
    with Stack(environment=told) as stack:
        admin = stack.postgres.rsplit("/", 1)[0]
        connection = await asyncpg.connect(f"{admin}/postgres")
        await connection.execute("CREATE DATABASE club")
        await connection.close()
        club = await asyncpg.connect(f"{admin}/club")
        await club.execute(TABLES)
        async with Journey(stack) as journey:
            dsr_id = await journey.submit({"email": ["ada.stein@mail.example"]})
            dsr = (await journey.until_closed([dsr_id], 60))[dsr_id]
        left = [tuple(row) for row in await club.fetch("SELECT full_name FROM members")]
        counts = [await club.fetchval(f"SELECT count(*) FROM {table}") for table in ("bookings", "notes")]
        await club.close()
    assert dsr.result == "granted"
    assert left == [("Bo Lund",)]
    assert counts == [1, 1]
