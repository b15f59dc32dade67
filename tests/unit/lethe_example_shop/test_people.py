"""The shop's people are invented, the same for the same seed, and have enough to forget."""

from __future__ import annotations

from collections import Counter

from lethe_example_shop import DEMO_PERSON, person_number
from lethe_example_shop.load import COLUMNS
from lethe_example_shop.rows import rows_of

PEOPLE = frozenset(range(1, 401))


def test_the_same_seed_makes_the_same_people_and_another_seed_others() -> None:
    assert rows_of(17, PEOPLE, 1) == rows_of(17, PEOPLE, 1)
    assert rows_of(17, PEOPLE, 1) != rows_of(17, PEOPLE, 2)
    assert person_number(17, 1) != person_number(17, 2)


def test_more_people_change_nobody() -> None:
    assert rows_of(17, PEOPLE, 1) == rows_of(17, frozenset(range(1, 101)), 1)


def test_a_person_has_some_25_rows_over_more_than_11_tables() -> None:
    rows = Counter[str]()
    for number in PEOPLE:
        rows += Counter({table: len(found) for table, found in rows_of(number, PEOPLE, 1).items()})
    assert 22 <= sum(rows.values()) / len(PEOPLE) <= 28
    assert len([t for t, n in rows.items() if n >= len(PEOPLE) / 4]) >= 11


def test_the_demonstrations_person_has_something_everywhere() -> None:
    found = rows_of(DEMO_PERSON.number, PEOPLE, 1)
    assert set(found) == set(COLUMNS) - {"do_not_contact"}, "nobody has objected yet"
    assert person_number(DEMO_PERSON.number, seed=99) == DEMO_PERSON
    assert (DEMO_PERSON.email, DEMO_PERSON.customer_no) == ("nadia.petrova@mail.example", "C-100042")
    assert DEMO_PERSON.phone == "+4915550100042"


def test_nobody_has_an_address_that_could_exist() -> None:
    for number in PEOPLE:
        assert person_number(number, 1).email.endswith("@mail.example")


def test_no_two_people_have_one_address_or_one_number() -> None:
    people = [person_number(n, 1) for n in PEOPLE]
    assert len({p.email for p in people}) == len({p.customer_no for p in people}) == len(people)
    assert len({p.phone for p in people}) < len(people)  # some couples share theirs


def test_rows_fit_their_columns_and_ids_are_unique() -> None:
    seen: dict[str, set[object]] = {table: set() for table in COLUMNS}
    for number in PEOPLE:
        for table, rows in rows_of(number, PEOPLE, 1).items():
            for row in rows:
                assert len(row) == len(COLUMNS[table])
                key = row[:2] if COLUMNS[table][0] != "id" else row[0]
                assert key not in seen[table], table
                seen[table].add(key)
