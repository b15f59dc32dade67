"""The example's own store: who is erased is erased whole, twice is as once, and what is left behind is found."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from lethe_example_warehouse.__main__ import token_key
from lethe_example_warehouse.store import Parcel, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def parcel(person: str, n: int = 0) -> Parcel:
    return Parcel(f"c-{person}", f"e-{person}", person, "Lindenstraße 1", "Auenfeld", f"lamp {n}", 100, "Enno Falk")


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(":memory:")
    made.take_in([parcel("nadia", 1), parcel("nadia", 2), parcel("ilja")])
    yield made
    made.close()


@pytest.mark.parametrize("tokens", [["c-nadia"], ["e-nadia"], ["e-nadia", "c-nadia"]])
def test_any_of_a_persons_tokens_leads_to_everything(store: Store, tokens: list[str]) -> None:
    assert store.erase([tokens]) == [{"parcels": 2, "addresses": 1, "accounts": 1}]
    assert store.left_of(["e-nadia", "c-nadia"]) == {"parcels": 0, "addresses": 0, "accounts": 0}
    assert store.left_of(["e-ilja"]) == {"parcels": 1, "addresses": 1, "accounts": 1}


def test_erasing_twice_is_as_erasing_once(store: Store) -> None:
    assert store.erase([["c-nadia"], ["c-nadia"]])[1] == {"parcels": 0, "addresses": 0, "accounts": 0}


def test_a_parcel_left_behind_by_a_wrong_erasure_is_found_by_its_label(store: Store) -> None:
    with store._transaction() as db:
        db.execute("DELETE FROM account WHERE email_token = 'e-nadia'")
    assert store.left_of(["e-nadia"])["parcels"] == 2


def test_an_erasure_that_fails_half_way_changes_nothing(store: Store) -> None:
    with pytest.raises(Exception, match="binding"):
        store.erase([["c-nadia"], [object()]])  # type: ignore[list-item]
    assert store.left_of(["e-nadia"])["parcels"] == 2


def test_records_leave_out_who_drove(store: Store) -> None:
    records = store.records_of(["c-nadia"])
    assert [r["contents"] for r in records["parcels"]] == ["lamp 1", "lamp 2"]
    assert all("driver" not in r for r in records["parcels"])
    assert len(records["addresses"]) == 1


def test_people_are_announced_until_it_is_said_that_they_were(store: Store) -> None:
    waiting = store.unannounced(10)
    assert [token for _, token in waiting] == ["c-ilja", "c-nadia"]
    assert store.unannounced(10) == waiting
    store.announced([id_ for id_, _ in waiting])
    assert store.unannounced(10) == []


def test_the_key_is_read_in_any_usual_form_and_refused_without_being_told(tmp_path: Path) -> None:
    key = bytes(range(220, 256))
    file = tmp_path / "key"
    file.write_text(base64.b64encode(key).decode() + "\n")
    for text in (
        base64.b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode().rstrip("="),
        f"file:{file}",
    ):
        assert token_key(text) == key
    for wrong in ("", "s3cret!", base64.b64encode(b"short").decode()):
        with pytest.raises(ValueError, match="WAREHOUSE_TOKEN_KEY") as refused:
            token_key(wrong)
        assert not wrong or wrong not in str(refused.value)
