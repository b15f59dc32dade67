"""What is sealed can be opened by nobody else and nowhere else."""

from __future__ import annotations

from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from lethe_vault import Identifiers, Sealing, Tampered
from lethe_vault.sealing import content_binding, decrypt, encrypt, pack, unpack, unpack_corrections

KEY = AESGCM(b"k" * 32)
ONE, TWO = UUID(int=1), UUID(int=2)

texts = st.text(st.characters(codec="utf-8"))


@given(st.dictionaries(texts, st.lists(texts).map(tuple)), st.none() | texts)
def test_any_identifiers_and_note_come_back_as_they_were(values: dict[str, tuple[str, ...]], note: str | None) -> None:
    identifiers, opened_note = unpack(pack(Identifiers(values), note))
    assert (identifiers.values, opened_note) == (values, note)


@given(st.binary(min_size=0, max_size=100), st.integers(min_value=0))
def test_any_changed_byte_is_noticed(plaintext: bytes, where: int) -> None:
    blob = bytearray(encrypt(KEY, plaintext, b""))
    blob[where % len(blob)] ^= 1
    with pytest.raises(Tampered):
        decrypt(KEY, bytes(blob), b"")


@given(st.integers(min_value=0, max_value=27))
def test_a_blob_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(Tampered):
        decrypt(KEY, encrypt(KEY, b"", b"")[:length], b"")


@pytest.mark.parametrize(
    "other",
    [
        content_binding(TWO, ONE, "acme"),  # moved to another DSR
        content_binding(ONE, TWO, "acme"),  # given another reference
        content_binding(ONE, ONE, "other"),  # given to another controller
    ],
)
def test_sealed_data_cannot_be_moved(other: bytes) -> None:
    blob = encrypt(KEY, b"secret", content_binding(ONE, ONE, "acme"))
    with pytest.raises(Tampered):
        decrypt(KEY, blob, other)


def test_nothing_prints_what_it_holds() -> None:
    sealing = Sealing(ONE, TWO, "acme", Identifiers({"email": ("ada@people.example",)}), note="call Ada")
    assert "ada" not in repr(sealing).lower()
    assert "email" in repr(sealing)


@given(st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts | st.lists(texts)))
def test_any_corrections_come_back_as_they_were_beside_the_identifiers(corrections: dict[str, object]) -> None:
    plaintext = pack(Identifiers({"email": ("ada@people.example",)}), "note", corrections)
    assert unpack_corrections(plaintext) == corrections
    assert unpack(plaintext)[0].values == {"email": ("ada@people.example",)}


def test_what_was_sealed_before_there_were_corrections_has_none() -> None:
    assert unpack_corrections(b'{"i":{},"n":null}') == {}


def test_corrections_that_could_not_be_read_again_are_refused() -> None:
    for value in (float("nan"), object()):
        with pytest.raises((TypeError, ValueError)):
            pack(Identifiers({}), None, {"customers.points": value})
    assert "Ada" not in repr(Sealing(ONE, TWO, "acme", Identifiers({}), corrections={"customers.name": "Ada"}))
