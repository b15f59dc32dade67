"""The printed OpenAPI documents are valid, and name what a caller has to know."""

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

OPEN = {"/v1/keys"}
"""Whoever checks a certificate needs the public keys, and need not be known to us."""
DOCUMENTS = sorted((Path(__file__).parents[2] / "docs" / "openapi").glob("*.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_document_is_valid_openapi(path: Path) -> None:
    validate(json.loads(path.read_text()))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_every_operation_says_what_it_does_and_asks_for_a_token(path: Path) -> None:
    document = json.loads(path.read_text())
    for address, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {address}"
            assert bool(operation.get("security")) != (address in OPEN), f"{method} {address}"


def test_there_is_a_document_for_each_api() -> None:
    assert {path.stem for path in DOCUMENTS} == {"intake", "orchestrator", "breach-notifier"}
