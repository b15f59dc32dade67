"""The keys of one stack, made on its first start. Whoever has them can open the vault and sign for Lethe: mode 0600."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_chassis import LocalIssuer
from lethe_vault import FileKeys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lethe_local.state import State

AUDIENCE = "lethe"
PERSON_SCOPES = (
    "dsr:write",
    "dsr:read",
    "package:read",
    "saga:read",
    "saga:act",
    "register:read",
    "register:write",
    "messaging:read",
    "messaging:act",
    "breach:report",
    "breach:signal",
    "breach:read",
    "breach:act",
)
DEMO_CONTROLLER = "acme"
DEMO_SUBJECT = "demo"
VALID = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Keys:
    """Files: the vault's master keys; key pairs of the token issuer and of the orchestrator, which signs."""

    vault: Path
    issuer: Path
    issuer_public: Path
    signing: Path
    signing_public: Path

    @classmethod
    def of(cls, state: State) -> Keys:
        """Make what is missing; nothing that exists is replaced."""
        directory = state.keys
        names = ("vault.json", "issuer.pem", "issuer.pub.pem", "signing.pem", "signing.pub.pem")
        keys = cls(*(directory / name for name in names))
        if not keys.vault.exists():
            FileKeys.create(keys.vault)
        if not keys.issuer.exists():
            LocalIssuer.create(keys.issuer, keys.issuer_public)
        if not keys.signing.exists():
            LocalIssuer.create(keys.signing, keys.signing_public)
        return keys

    @property
    def issuer_name(self) -> str:
        return LocalIssuer(self.issuer).issuer

    def token(
        self,
        subject: str,
        *,
        controllers: Sequence[str] = (DEMO_CONTROLLER,),
        scopes: Sequence[str] = PERSON_SCOPES,
        processor: str | None = None,
        ttl: timedelta = VALID,
    ) -> str:
        """A token of this stack's own issuer."""
        issuer = LocalIssuer(self.issuer, audience=AUDIENCE)
        return issuer.issue(subject, controllers, scopes, ttl, processor_id=processor)
