"""How a profile says that a vendor is to be asked for entry: each secret by reference, never in the file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from lethe_processors.credentials import CredentialRef  # noqa: TC001 - pydantic reads it at run time
from lethe_processors.http.steps import Entry

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class Bearer(Entry):
    scheme: Literal["bearer"]
    token: CredentialRef


class Basic(Entry):
    """`user` may be a plain name (Zendesk's `agent@acme.example/token`) or a reference."""

    scheme: Literal["basic"]
    user: str
    password: CredentialRef


class ApiKeyHeader(Entry):
    scheme: Literal["api_key_header"]
    header: HeaderName
    key: CredentialRef


class OAuth2(Entry):
    """OAuth 2 client credentials (RFC 6749 §4.4).

    `token_url`: whole, by reference, or a path below `base_url`. `client_id` may be plain or a reference.
    `client_auth`: in the Authorization header (§2.3.1, what every server has to take) or in the body.
    """

    scheme: Literal["oauth2"]
    token_url: Annotated[str, StringConstraints(pattern=r"^(https?://\S+|/\S*|env:[A-Za-z_][A-Za-z0-9_]*)$")]
    client_id: Annotated[str, StringConstraints(min_length=1)]
    client_secret: CredentialRef
    scope: Annotated[str, StringConstraints(min_length=1)] | None = None
    audience: Annotated[str, StringConstraints(min_length=1)] | None = None
    client_auth: Literal["header", "body"] = "header"


class NoAuth(Entry):
    scheme: Literal["none"]


Auth = Annotated[Bearer | Basic | ApiKeyHeader | OAuth2 | NoAuth, Field(discriminator="scheme")]
