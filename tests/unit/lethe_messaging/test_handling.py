from __future__ import annotations

import pytest

from lethe_events import Malformed
from lethe_messaging.handling import describe


def test_a_message_of_the_contract_tells_its_own_code() -> None:
    assert describe(Malformed("schema", "lethe.dsr.received.v1: country: missing")) == (
        "schema",
        "lethe.dsr.received.v1: country: missing",
    )


def test_the_text_of_any_other_error_is_not_told_because_it_may_quote_a_person() -> None:
    with pytest.raises(KeyError) as caught:
        raise KeyError("ada@acme.example")
    code, detail = describe(caught.value)
    assert code == "key_error"
    assert detail.startswith("builtins.KeyError at test_handling.py:")
    assert "ada" not in detail
