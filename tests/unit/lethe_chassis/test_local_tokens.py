from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lethe_chassis import AuthSettings, Env, LocalIssuer, SettingsError, TokenVerifier, Unauthorised

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "https://id.example"


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    full = {
        "iss": ISSUER,
        "aud": "lethe",
        "sub": "support-site",
        "iat": now,
        "exp": now + 600,
        "scope": "dsr:write dsr:read",
        "controller_id": "acme",
    }
    return {k: v for k, v in (full | changes).items() if v is not None}


@pytest.fixture
def issuer(tmp_path: Path) -> LocalIssuer:
    LocalIssuer.create(tmp_path / "issuer.pem", tmp_path / "issuer.pub")
    return LocalIssuer(tmp_path / "issuer.pem", issuer=ISSUER)


@pytest.fixture
def local(issuer: LocalIssuer, tmp_path: Path) -> TokenVerifier:
    assert issuer.issuer == ISSUER
    return TokenVerifier(AuthSettings(ISSUER, public_key=tmp_path / "issuer.pub"))


async def test_a_local_token_names_its_subject_controllers_scopes_and_processor(
    issuer: LocalIssuer, local: TokenVerifier
) -> None:
    token = issuer.issue("crm", ["acme", "beta"], ["vault:redeem"], timedelta(hours=1), processor_id="crm")
    principal = await local.authenticate(token)
    assert principal.subject == "crm"
    assert principal.controller_ids == {"acme", "beta"}
    assert principal.scopes == {"vault:redeem"}
    assert principal.processor_id == "crm"
    assert "crm" not in repr(principal)


def test_the_private_key_is_readable_by_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    LocalIssuer.create(tmp_path / "k", tmp_path / "p")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        LocalIssuer.create(tmp_path / "k", tmp_path / "p")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exp": timedelta(seconds=-120)}, "expired"),
        ({"nbf": timedelta(seconds=120)}, "not valid yet"),
        ({"iat": timedelta(seconds=120)}, "not valid yet"),
        ({"aud": "another"}, "another audience"),
        ({"aud": None}, "lacks one of"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"exp": None}, "lacks one of"),
        ({"sub": None}, "lacks one of"),
        ({"controller_id": {"a": 1}}, "controller_id"),
        ({"controller_id": [1]}, "controller_id"),
        ({"scope": ["dsr:write"]}, "scope"),
        ({"processor_id": 5}, "processor_id"),
    ],
)
async def test_claims_that_do_not_hold_are_refused(
    tmp_path: Path, local: TokenVerifier, changes: dict[str, Any], words: str
) -> None:
    key = (tmp_path / "issuer.pem").read_text()
    now = int(time.time())  # of the call: the list above is made when the run begins, maybe long ago
    timed = {k: now + int(v.total_seconds()) if isinstance(v, timedelta) else v for k, v in changes.items()}
    with pytest.raises(Unauthorised, match=words) as caught:
        await local.authenticate(jwt.encode(claims(**timed), key, algorithm="EdDSA"))
    assert caught.value.headers["WWW-Authenticate"] == 'Bearer realm="lethe", error="invalid_token"'


async def test_clocks_may_differ_a_little(tmp_path: Path, local: TokenVerifier) -> None:
    key = (tmp_path / "issuer.pem").read_text()
    token = jwt.encode(claims(nbf=int(time.time()) + 5, exp=int(time.time()) - 5), key, algorithm="EdDSA")
    assert (await local.authenticate(token)).subject == "support-site"


async def test_an_unsigned_token_is_refused(local: TokenVerifier) -> None:
    with pytest.raises(Unauthorised):
        await local.authenticate(jwt.encode(claims(), "", algorithm="none"))


async def test_the_public_key_is_never_taken_for_a_shared_secret(tmp_path: Path, local: TokenVerifier) -> None:
    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims())
    mac = hmac.new((tmp_path / "issuer.pub").read_bytes(), signed, hashlib.sha256).digest()
    token = (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
    with pytest.raises(Unauthorised):
        await local.authenticate(token)


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"typ": "dpop+jwt"}])
async def test_a_header_that_asks_for_something_else_is_refused(
    tmp_path: Path, local: TokenVerifier, header: dict[str, Any]
) -> None:
    key = (tmp_path / "issuer.pem").read_text()
    with pytest.raises(Unauthorised):
        await local.authenticate(jwt.encode(claims(), key, algorithm="EdDSA", headers=header))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "é.é.é", "x" * 10_000])
async def test_what_is_not_a_token_is_refused(local: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthorised):
        await local.authenticate(token)


async def test_a_token_signed_by_somebody_else_is_refused(local: TokenVerifier) -> None:
    with pytest.raises(Unauthorised, match="not signed with a key of the issuer"):
        await local.authenticate(jwt.encode(claims(), Ed25519PrivateKey.generate(), algorithm="EdDSA"))


async def test_a_token_that_passed_is_verified_once_until_it_expires(issuer: LocalIssuer, tmp_path: Path) -> None:
    now = [time.time()]
    verifier = TokenVerifier(AuthSettings(ISSUER, public_key=tmp_path / "issuer.pub"), clock=lambda: now[0])
    token = issuer.issue("s", "acme", [], timedelta(seconds=60))
    first = await verifier.authenticate(token)
    assert await verifier.authenticate(token) is first
    now[0] += 61
    assert await verifier.authenticate(token) is not first  # verified again (and still inside the leeway of real time)


async def test_the_memory_of_tokens_is_bounded(issuer: LocalIssuer, tmp_path: Path) -> None:
    verifier = TokenVerifier(AuthSettings(ISSUER, public_key=tmp_path / "issuer.pub"), cache_size=2)
    tokens = [issuer.issue(f"s{n}", "acme", [], timedelta(hours=1)) for n in range(3)]
    first = [await verifier.authenticate(token) for token in tokens]
    assert await verifier.authenticate(tokens[2]) is first[2]
    assert await verifier.authenticate(tokens[0]) is not first[0]


def test_a_public_key_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("nonsense")
    with pytest.raises(ValueError, match="x is not a PEM public key"):
        TokenVerifier(AuthSettings(ISSUER, public_key=tmp_path / "x"))
    short = (
        rsa.generate_private_key(65537, 1024).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "x").write_bytes(short)
    with pytest.raises(ValueError, match="x is not a PEM public key"):
        TokenVerifier(AuthSettings(ISSUER, public_key=tmp_path / "x"))


@pytest.mark.parametrize(
    "values",
    [
        {"LETHE_AUTH_ISSUER": "i"},
        {
            "LETHE_AUTH_ISSUER": "i",
            "LETHE_AUTH_JWKS_URL": "https://a.example",
            "LETHE_AUTH_DISCOVERY": "https://a.example",
        },
        {"LETHE_AUTH_ISSUER": "i", "LETHE_AUTH_JWKS_URL": "http://a.example/plain"},
        {"LETHE_AUTH_JWKS_URL": "https://a.example"},
    ],
)
def test_the_source_of_keys_is_one_and_safe(values: dict[str, str]) -> None:
    with pytest.raises(SettingsError), Env(values) as env:
        AuthSettings.read(env)
