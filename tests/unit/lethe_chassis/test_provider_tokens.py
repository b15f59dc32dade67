"""Tokens of an OpenID provider. The provider needs no socket: it answers through the transport of the client."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lethe_chassis import AuthSettings, TokenVerifier, Unauthorised, Unavailable
from lethe_chassis.auth.jwks import RemoteKeys

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


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str, **more: str) -> dict[str, Any]:
    public = key.public_key()
    kind = {
        rsa.RSAPublicKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePublicKey: jwt.algorithms.ECAlgorithm,
    }
    algorithm: Any = next((a for k, a in kind.items() if isinstance(public, k)), jwt.algorithms.OKPAlgorithm)
    return {**json.loads(algorithm.to_jwk(public)), "kid": kid, **more}


@dataclass
class Provider:
    """Answers discovery and JWKS requests; counts them; may be told to fail."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    failing: bool = False
    asked: list[str] = field(default_factory=list)
    issuer: str = ISSUER
    jwks_uri: str = "https://id.example/jwks"

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.failing:
            return httpx.Response(502)
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json={"issuer": self.issuer, "jwks_uri": self.jwks_uri})
        return httpx.Response(200, json={"keys": self.keys})


def remote(provider: Provider, **settings: str) -> TokenVerifier:
    where = settings or {"jwks_url": "https://id.example/jwks"}
    return TokenVerifier(AuthSettings(ISSUER, **where), transport=provider.transport())  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
async def test_rsa_tokens_of_a_provider(algorithm: str) -> None:
    key = rsa_key()
    verifier = remote(Provider([jwk(key, "k1")]))
    token = jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": "k1"})
    assert (await verifier.authenticate(token)).covers("acme")
    await verifier.close()


async def test_a_key_for_one_algorithm_verifies_no_other() -> None:
    key = rsa_key()
    verifier = remote(Provider([jwk(key, "k1", alg="PS256")]))
    with pytest.raises(Unauthorised):
        await verifier.authenticate(jwt.encode(claims(), key, algorithm="RS256", headers={"kid": "k1"}))
    await verifier.close()


async def test_keys_for_encryption_secrets_and_short_keys_are_not_used() -> None:
    good, short = ec_key(), rsa_key(1024)
    secret = {"kty": "oct", "kid": "s", "k": base64.urlsafe_b64encode(b"x" * 32).decode()}
    verifier = remote(Provider([jwk(good, "enc", use="enc"), secret, jwk(short, "short"), jwk(good, "ok")]))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = jwt.encode(claims(), short, algorithm="RS256", headers={"kid": "short"})
    for token in (weak, jwt.encode(claims(), good, algorithm="ES256", headers={"kid": "enc"})):
        with pytest.raises(Unauthorised):
            await verifier.authenticate(token)
    await verifier.authenticate(jwt.encode(claims(), good, algorithm="ES256", headers={"kid": "ok"}))
    await verifier.close()


async def test_discovery_finds_the_keys_and_must_be_of_the_issuer() -> None:
    key = Ed25519PrivateKey.generate()
    provider = Provider([jwk(key, "k1")])
    token = jwt.encode(claims(), key, algorithm="EdDSA", headers={"kid": "k1"})
    verifier = remote(provider, discovery="https://id.example/.well-known/openid-configuration")
    await verifier.authenticate(token)
    assert provider.asked == ["/.well-known/openid-configuration", "/jwks"]
    await verifier.close()
    foreign = Provider([jwk(key, "k1")], issuer="https://evil.example")
    plain = Provider([jwk(key, "k1")], jwks_uri="http://id.example/jwks")
    for wrong in (foreign, plain):
        verifier = remote(wrong, discovery="https://id.example/openid-configuration")
        with pytest.raises(Unavailable):
            await verifier.authenticate(token)
        await verifier.close()


async def test_a_new_kid_is_fetched_and_made_up_kids_do_not_flood_the_provider() -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    provider = Provider([jwk(old, "old")])
    now = [0.0]
    keys = RemoteKeys(
        issuer=ISSUER, jwks_url="https://id.example/j", discovery=None, transport=provider.transport(),
        clock=lambda: now[0],
    )  # fmt: skip
    assert await keys.find("old") is not None
    for n in range(50):
        assert await keys.find(f"made-up-{n}") is None
    assert len(provider.asked) == 1
    provider.keys = [jwk(new, "new")]
    now[0] = 11.0
    assert await keys.find("new") is not None
    assert await keys.find("old") is None
    assert keys.generation == 2
    await keys.close()


async def test_a_withdrawn_key_ends_the_tokens_that_were_remembered() -> None:
    key = Ed25519PrivateKey.generate()
    provider = Provider([jwk(key, "k1")])
    verifier = remote(provider)
    token = jwt.encode(claims(), key, algorithm="EdDSA", headers={"kid": "k1"})
    await verifier.authenticate(token)
    provider.keys = [jwk(Ed25519PrivateKey.generate(), "k2")]
    assert verifier._remote is not None
    await verifier._remote.refresh()
    with pytest.raises(Unauthorised):
        await verifier.authenticate(token)
    await verifier.close()


async def test_old_keys_outlive_a_provider_that_is_down_but_not_for_ever() -> None:
    key = Ed25519PrivateKey.generate()
    provider = Provider([jwk(key, "k1")])
    now = [0.0]
    keys = RemoteKeys(
        issuer=ISSUER, jwks_url="https://id.example/j", discovery=None, transport=provider.transport(),
        clock=lambda: now[0], max_stale_s=3600,
    )  # fmt: skip
    assert await keys.find("k1") is not None
    provider.failing = True
    now[0] = 3000
    with pytest.raises(ConnectionError):
        await keys.refresh()
    assert await keys.find("k1") is not None
    now[0] = 3700
    with pytest.raises(ConnectionError):
        await keys.find("k1")
    await keys.close()


async def test_a_provider_that_was_never_reached_makes_the_service_unavailable_not_the_token_wrong() -> None:
    verifier = remote(Provider(failing=True))
    with pytest.raises(Unavailable) as caught:
        await verifier.authenticate(jwt.encode(claims(), Ed25519PrivateKey.generate(), algorithm="EdDSA"))
    assert caught.value.headers["Retry-After"] == "5"
    await verifier.close()
