"""The pages that are printed from code are as the code is."""

import json
from pathlib import Path

import pytest

from orchestrator.__main__ import main
from orchestrator.domain import events
from orchestrator.domain.tables import IGNORED, REJECTED, STEPS
from orchestrator.domain.words import MEANING
from orchestrator.entrypoints.sagas_page import sagas_page

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_of_the_sagas_is_fresh():
    assert (DOCS / "sagas.md").read_text() == sagas_page(), "run `make docs` and commit docs/sagas.md"


def test_the_page_has_every_row():
    page = sagas_page()
    assert all(s.article in page for s in STEPS)
    assert all(i.reason in page for i in IGNORED)
    assert all(r.detail in page for r in REJECTED)
    assert all(meaning in page for meaning in MEANING.values())
    assert page.count("```mermaid") == 2


def test_both_pages_can_be_printed_without_any_engine(capsys):
    assert main(["sagas-doc"]) == 0
    assert capsys.readouterr().out == sagas_page()
    assert main(["openapi"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert json.loads((DOCS / "openapi" / "orchestrator.json").read_text()) == document


@pytest.mark.parametrize("event", events.EVENTS, ids=lambda e: e.__name__)
def test_every_event_says_what_it_is(event):
    assert event.__doc__ or "at" in event.__struct_fields__
