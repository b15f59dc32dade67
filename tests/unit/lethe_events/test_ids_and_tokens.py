from datetime import UTC, datetime, timedelta
from uuid import UUID
from uuid import uuid5 as standard_uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_events.asyncapi import schemas
from lethe_events.canonical import GENESIS, canonical, link
from lethe_events.catalogue import MESSAGES
from lethe_events.ids import message_id, task_id, uuid5, uuid7
from lethe_events.subject_token import normalise, subject_token

NOW = datetime(2026, 3, 5, tzinfo=UTC)


def test_uuid7_is_version_7_and_grows_with_time() -> None:
    first, later = uuid7(NOW, b"\xff" * 10), uuid7(NOW + timedelta(milliseconds=1), b"\x00" * 10)
    assert (first.version, first.variant) == (7, "specified in RFC 4122")
    assert first < later


def test_uuid7_refuses_a_naive_clock_and_short_entropy() -> None:
    with pytest.raises(ValueError, match="aware"):
        uuid7(NOW.replace(tzinfo=None), bytes(10))
    with pytest.raises(ValueError, match="10 bytes"):
        uuid7(NOW, bytes(9))


def test_the_dedupe_key_of_a_task_never_changes() -> None:
    """The literal is what is stored in databases of running deployments."""
    assert task_id(UUID(int=1), "shop", "erase", 1) == UUID("0347f972-dfdc-5f49-a79f-fce9c35ec37c")


@given(st.uuids(), st.text())
def test_derived_ids_are_those_of_the_standard(namespace: UUID, name: str) -> None:
    assert uuid5(namespace, name) == standard_uuid5(namespace, name)


def test_messages_of_one_saga_version_differ_and_repeat() -> None:
    assert message_id(UUID(int=1), 1, 0) == message_id(UUID(int=1), 1, 0)
    assert len({message_id(UUID(int=1), v, i) for v in (1, 2) for i in (0, 1)}) == 4


def test_tokens_of_two_processors_cannot_be_compared() -> None:
    assert subject_token(b"a" * 32, "email", "x@mail.example") != subject_token(b"b" * 32, "email", "x@mail.example")


def test_a_token_of_one_kind_is_not_a_token_of_another() -> None:
    assert subject_token(b"a" * 32, "email", "1") != subject_token(b"a" * 32, "customer_id", "1")


def test_a_short_token_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        subject_token(b"short", "email", "x")


@given(st.sampled_from(["email", "phone_number", "customer_id"]), st.text())
def test_normalising_twice_changes_nothing(kind: str, value: str) -> None:
    assert normalise(kind, normalise(kind, value)) == normalise(kind, value)


def test_spellings_of_one_identifier_meet() -> None:
    assert normalise("email", " Nadia@Mail.EXAMPLE ") == normalise("email", "nadia@mail.example")
    assert normalise("phone_number", "0049 155 5010") == normalise("phone_number", "+49-155-5010")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_canonical_bytes_do_not_depend_on_the_order_of_members(value: object) -> None:
    def turned(v: object) -> object:
        if isinstance(v, dict):
            return {k: turned(v[k]) for k in reversed(v)}
        return [turned(i) for i in v] if isinstance(v, list) else v

    assert canonical(value) == canonical(turned(value))


def test_a_float_is_refused_wherever_it_hides() -> None:
    with pytest.raises(TypeError):
        canonical({"a": [{"b": (1.5,)}]})


def test_a_link_depends_on_its_content_and_its_place() -> None:
    assert link(GENESIS, {"a": 1}) != link(GENESIS, {"a": 2})
    assert link(GENESIS, {"a": 1}) != link("1" * 64, {"a": 1})


def test_no_message_has_a_field_that_could_hold_free_text() -> None:
    """Every string of every message is bounded by a pattern, a format or a list of values."""

    def free(schema: dict[str, object], path: str) -> list[str]:
        found: list[str] = []
        if schema.get("type") == "string" and not ({"pattern", "format", "enum", "const"} & set(schema)):
            found.append(path)
        for key, value in schema.items():
            if isinstance(value, dict):
                found += free(value, f"{path}.{key}")
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, dict):
                        found += free(item, f"{path}.{key}")
        return found

    assert set(schemas()) > {model.__name__ for model in MESSAGES.values()}
    for name, schema in schemas().items():
        assert free(schema, name) == []
