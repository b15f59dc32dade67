from __future__ import annotations

import pytest

from lethe_postgres.errors import QueryFileError
from lethe_postgres.queries import parse_queries

GOOD = """
-- name: first
-- Reads one.
SELECT 1;

-- name: second
-- Reads two,
-- from nowhere.
SELECT
  2 -- inline
"""


def test_each_named_statement_is_read_without_its_comment_and_semicolon() -> None:
    queries = parse_queries(GOOD, "x.sql")
    assert queries["first"] == "SELECT 1"
    assert queries["second"] == "SELECT\n  2 -- inline"
    assert len(queries) == 2


def test_a_missing_name_lists_the_names_that_exist() -> None:
    with pytest.raises(KeyError, match="first, second"):
        parse_queries(GOOD, "x.sql")["third"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELECT 1", "no `-- name:`"),
        ("-- name: a\nSELECT 1", "no sentence"),
        ("-- name: a\n-- Says.\n", "no SQL"),
        ("-- name: a\n-- Says.\nSELECT 1;\n-- name: a\n-- Says.\nSELECT 2", "two queries"),
    ],
)
def test_a_file_in_another_form_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(QueryFileError, match=complaint):
        parse_queries(text, "x.sql")
