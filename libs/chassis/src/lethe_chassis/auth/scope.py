"""How an endpoint asks for a caller with certain scopes.

Annotations are real objects here: FastAPI cannot resolve strings on a dependency that is an instance.
"""

from fastapi import Request
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase

from lethe_chassis.auth.principal import Authenticator, Principal
from lethe_chassis.errors import Unauthorised

SCHEME = "bearer"
_PREFIX = "bearer "


async def authorise(request: Request, *scopes: str) -> Principal:
    """The caller, if the token is good and has all `scopes`. For endpoints that avoid FastAPI's dependencies.

    Raises Unauthorised, Forbidden or Unavailable.
    """
    auth: Authenticator = request.app.state.auth
    value = request.headers.get("authorization", "")
    if not value[:7].lower() == _PREFIX or not value[7:].strip():
        raise Unauthorised("token_missing", "Send a token: `Authorization: Bearer …`.")
    principal = await auth.authenticate(value[7:].strip())
    principal.require_scopes(*scopes)
    return principal


class ScopeRequirement(SecurityBase):
    """A FastAPI dependency that gives the `Principal` and shows in the API document."""

    def __init__(self, scopes: tuple[str, ...]) -> None:
        self.model = BearerModel(bearerFormat="JWT", description="JWT of the configured issuer")
        self.scheme_name = SCHEME
        self.scopes = scopes

    async def __call__(self, request: Request) -> Principal:
        return await authorise(request, *self.scopes)


def require_scope(*scopes: str) -> ScopeRequirement:
    """`principal: Annotated[Principal, Depends(require_scope("dsr:read"))]`."""
    return ScopeRequirement(scopes)
