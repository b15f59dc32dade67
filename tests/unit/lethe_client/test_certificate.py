"""A certificate is checked without asking anybody; whatever was changed shows."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lethe_client.certificate import key_id_of, read_keys, stands_on, verify, verify_chain
from lethe_client.cli import run
from lethe_client.errors import BadInput, Refused
from lethe_events.canonical import GENESIS, canonical, link, sha256_hex

if TYPE_CHECKING:
    from pathlib import Path

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
KEY_ID = key_id_of(KEY.public_key())
KEYS = {KEY_ID: KEY.public_key()}


def chain(length: int = 2, records: str | None = None) -> list[dict[str, Any]]:
    """`records`: hash of the certificate that a last link names."""
    links, head = [], GENESIS
    for seq in range(1, length + 1 + (records is not None)):
        content: dict[str, Any] = {"seq": seq, "saga": "s", "kind": "task_acknowledged", "event": {}}
        if seq > length:
            content |= {"kind": "certificate_issued", "event": {"sha256": records, "key_id": KEY_ID}}
        head = link(head, content)
        links.append({"seq": seq, "hash": head, "content": content})
    return links


def whole_chain() -> list[dict[str, Any]]:
    return chain(records=sha256_hex(canonical(signed())))


def signed(**changes: object) -> dict[str, Any]:
    content = {
        "format": "lethe.certificate.v1",
        "dsr": {"id": "d", "controller": "acme", "right": "erasure"},
        "result": "granted",
        "closed_at": "2026-11-23T10:00:00Z",
        "processors": [{"processor": "shop", "verdict": "proven", "tasks": []}],
        "not_proven": [{"code": "backups", "meaning": "backups, until their cycle ends"}],
        "audit": {"links": 2, "head": chain()[1]["hash"]},
        **changes,
    }
    value = base64.urlsafe_b64encode(KEY.sign(canonical(content))).rstrip(b"=").decode()
    return {"certificate": content, "signature": {"alg": "Ed25519", "key_id": KEY_ID, "value": value}}


def test_a_genuine_certificate_is_accepted_however_it_is_laid_out() -> None:
    document = json.loads(json.dumps(signed(), indent=3))
    document = dict(reversed(document.items()))
    verified = verify(document, KEYS)
    assert verified.certificate["result"] == "granted"
    assert verified.sha256 == verify(signed(), KEYS).sha256


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["certificate"].update(result="partially_granted"),
        lambda d: d["certificate"]["processors"].pop(),
        lambda d: d["certificate"]["not_proven"].clear(),
        lambda d: d["certificate"].update(extra=1),
        lambda d: d["certificate"].update(extra=1.5),  # a float has no canonical form
        lambda d: d["signature"].update(value="A" * 86),
        lambda d: d["signature"].update(value="not base64!"),
        lambda d: d["signature"].update(key_id="0" * 16),
    ],
)
def test_any_change_is_refused(change: Any) -> None:
    document = signed()
    change(document)
    with pytest.raises(Refused):
        verify(document, KEYS)


def test_another_key_is_refused() -> None:
    with pytest.raises(Refused):
        verify(signed(), {KEY_ID: Ed25519PrivateKey.generate().public_key()})


@pytest.mark.parametrize(
    "document", [{}, {"certificate": {}}, {"certificate": [], "signature": {}}, signed(format="v9")]
)
def test_what_is_no_certificate_is_told_apart_from_a_false_one(document: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        verify(document, KEYS)


def test_keys_are_read_from_pem_and_from_the_answer_of_the_service() -> None:
    listed = json.dumps({"keys": [{"key_id": KEY_ID, "public_pem": PEM}]})
    for text in (PEM, listed):
        assert verify(signed(), read_keys(text, "x")).key_id == KEY_ID
    for text in ("", "{}", "-----BEGIN PUBLIC KEY-----\nnonsense", '{"keys": [{"key_id": 1}]}'):
        with pytest.raises(BadInput):
            read_keys(text, "x")


def test_a_chain_is_followed_from_its_first_link_to_the_one_that_records_the_certificate() -> None:
    hashes = verify_chain(whole_chain())
    stands_on(verify(signed(), KEYS), hashes)
    as_text = [item | {"content": canonical(item["content"]).decode()} for item in whole_chain()]
    assert verify_chain(as_text) == hashes


@pytest.mark.parametrize(
    "change",
    [
        lambda links: links[1]["content"].update(kind="task_forgotten"),
        lambda links: links.pop(0),
        lambda links: links.pop(1),
        lambda links: links.reverse(),
        lambda links: links[2].update(hash="0" * 64),
    ],
)
def test_a_chain_that_was_changed_is_refused(change: Any) -> None:
    links = copy.deepcopy(chain(3))
    change(links)
    with pytest.raises(Refused):
        verify_chain(links)


@pytest.mark.parametrize("audit", [{"links": 3, "head": chain()[1]["hash"]}, {"links": 9, "head": "0" * 64}, {}])
def test_a_certificate_of_another_chain_is_refused(audit: dict[str, Any]) -> None:
    document = signed(audit=audit)
    with pytest.raises(Refused, match="another chain"):
        stands_on(verify(document, KEYS), verify_chain(chain(records=sha256_hex(canonical(document)))))


@pytest.mark.parametrize("links", [chain(), chain(3), chain(records="0" * 64)])
def test_a_certificate_that_its_chain_does_not_record_is_refused(links: list[dict[str, Any]]) -> None:
    with pytest.raises(Refused, match="does not record"):
        stands_on(verify(signed(), KEYS), verify_chain(links))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    changed = signed()
    changed["certificate"]["result"] = "nothing_found"
    contents = {
        "good.json": json.dumps(signed(), indent=2),
        "changed.json": json.dumps(changed),
        "key.pem": PEM,
        "chain.json": json.dumps({"links": whole_chain()}),
        "short.json": json.dumps({"links": chain(1)}),
        "text.txt": "hello",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    return {name: str(tmp_path / name) for name in contents}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good.json", "--key", "key.pem"], 0),
        (["good.json", "--key", "key.pem", "--json"], 0),
        (["good.json", "--key", "key.pem", "--chain", "chain.json"], 0),
        (["good.json", "--key", "key.pem", "--chain", "short.json"], 1),
        (["changed.json", "--key", "key.pem"], 1),
        (["text.txt", "--key", "key.pem"], 2),
        (["good.json", "--key", "text.txt"], 2),
        (["good.json", "--key", "absent.pem"], 2),
        (["good.json"], 2),
    ],
)
def test_the_exit_code_says_whether_it_is_genuine(
    files: dict[str, str],
    arguments: list[str],
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["certificate", "verify", *(files.get(a, a) for a in arguments)]) == code
    out, err = capsys.readouterr()
    if code == 0:
        assert "not proven" in err or "--json" in arguments
        assert "genuine" in out
    else:
        assert out == ""
        assert len(err.splitlines()) == 1
