"""Checking a certificate, and the audit chain it stands on, without asking the service that gave them.

A document is `{"certificate": …, "signature": {"alg": "Ed25519", "key_id": …, "value": …}}`; `value` is
base64url without padding, over the canonical JSON (`lethe_events.canonical`) of `certificate`; `key_id` is the first
16 hex digits of SHA-256 over the 32 bytes of the public key.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from lethe_client.errors import BadInput, Refused
from lethe_events.canonical import GENESIS, canonical, link, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

ALGORITHM = "Ed25519"
FORMAT = "lethe.certificate.v1"
_BEGIN = "-----BEGIN"


@dataclass(frozen=True, slots=True)
class Verified:
    """A certificate whose signature is good. `sha256`: of the canonical document, as the audit log names it."""

    certificate: Mapping[str, Any]
    key_id: str
    sha256: str


def key_id_of(key: Ed25519PublicKey) -> str:
    return sha256_hex(key.public_bytes(Encoding.Raw, PublicFormat.Raw))[:16]


def read_keys(text: str, origin: str) -> dict[str, Ed25519PublicKey]:
    """Public keys by id, from one or more PEM blocks or from the answer of `GET /v1/keys`. Raises BadInput."""
    try:
        if text.lstrip().startswith(_BEGIN):
            pems = [_BEGIN + block for block in text.split(_BEGIN)[1:]]
        else:
            pems = [str(key["public_pem"]) for key in json.loads(text)["keys"]]
        keys = [load_pem_public_key(pem.encode()) for pem in pems]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{origin} holds no Ed25519 public key: PEM, or the JSON of GET /v1/keys") from error
    found = {}
    for key in keys:
        if not isinstance(key, Ed25519PublicKey):
            raise BadInput(f"{origin} holds a key that is not Ed25519")
        found[key_id_of(key)] = key
    return found


def read_key_file(path: Path) -> dict[str, Ed25519PublicKey]:
    """Raises BadInput."""
    return read_keys(_text(path), str(path))


def read_document(path: Path) -> dict[str, Any]:
    """Raises BadInput if it is not a JSON object."""
    try:
        document = json.loads(_text(path))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON") from error
    if not isinstance(document, dict):
        raise BadInput(f"{path} is not a JSON object")
    return document


def verify(document: Mapping[str, Any], keys: Mapping[str, Ed25519PublicKey]) -> Verified:
    """Raises Refused if the signature is not that of one of `keys`, BadInput if `document` is not in this form."""
    content, signature = document.get("certificate"), document.get("signature")
    if not isinstance(content, dict) or not isinstance(signature, dict):
        raise BadInput("not a certificate: it needs the members certificate and signature")
    if content.get("format") != FORMAT or signature.get("alg") != ALGORITHM:
        raise BadInput(f"only {FORMAT} signed with {ALGORITHM} can be checked here: use a newer version of lethe")
    key_id = str(signature.get("key_id"))
    check_signature(content, key_id, str(signature.get("value")), keys)
    return Verified(content, key_id, sha256_hex(canonical(document)))


def check_signature(content: object, key_id: str, value: str, keys: Mapping[str, Ed25519PublicKey]) -> None:
    """Whether `value` is the signature of one of `keys` over the canonical JSON of `content`. Raises Refused."""
    key = keys.get(key_id)
    if key is None:
        raise Refused(f"signed with the key {key_id}, which is not one of those given: {', '.join(keys) or 'none'}")
    try:
        key.verify(_unpadded(value), canonical(content))
    except (InvalidSignature, binascii.Error):
        raise Refused(f"the signature is not that of the key {key_id}: changed since, or not signed by it") from None
    except TypeError as error:
        raise Refused(f"it holds a value that was never signed: {error}") from error


class Chain(dict[int, str]):
    """The audit log of one saga, recomputed: hash by number of each link.

    `certificates`: number of the link that records a certificate → SHA-256 of that certificate's document.
    """

    def __init__(self) -> None:
        super().__init__()
        self.certificates: dict[int, str] = {}


def verify_chain(links: Iterable[Mapping[str, Any]]) -> Chain:
    """Recompute one saga's audit log. Raises Refused at the first link that does not fit.

    A link: `{"seq", "hash", "content"}`, `content` an object or the canonical text of one.
    """
    chain = Chain()
    head = GENESIS
    for expected, item in enumerate(links, start=1):
        content = item.get("content")
        content = json.loads(content) if isinstance(content, str) else content
        if item.get("seq") != expected or not isinstance(content, dict) or content.get("seq") != expected:
            raise Refused(f"link {expected} of the audit chain is missing: another one stands in its place")
        head = link(head, content)
        if item.get("hash") != head:
            raise Refused(f"link {expected} of the audit chain, or the one before it, was changed")
        chain[expected] = head
        if content.get("kind") == "certificate_issued":
            chain.certificates[expected] = str(content["event"]["sha256"])
    return chain


def stands_on(verified: Verified, chain: Chain) -> None:
    """Check that the certificate names the head that the chain has at its place, and that the chain records it.

    Raises Refused.
    """
    audit = verified.certificate.get("audit", {})
    place = int(audit.get("links", 0))
    if place not in chain or chain[place] != audit.get("head"):
        raise Refused(f"the certificate stands on link {place} of another chain than the one given")
    if chain.certificates.get(place + 1) != verified.sha256:
        raise Refused(f"link {place + 1} of the chain does not record this certificate")


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {type(error).__name__}") from error
