"""What every service of Lethe has."""

from lethe_chassis.app import create_app, engine_is_down
from lethe_chassis.auth.issuer import LocalIssuer
from lethe_chassis.auth.principal import Authenticator, Principal
from lethe_chassis.auth.scope import authorise, require_scope
from lethe_chassis.auth.settings import AuthSettings
from lethe_chassis.auth.verifier import TokenVerifier
from lethe_chassis.boundary import BodyRule
from lethe_chassis.env import Address, Env
from lethe_chassis.errors import (
    BackgroundDied,
    ChassisError,
    Conflict,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    ProblemError,
    SettingsError,
    TooManyRequests,
    Unauthorised,
    Unavailable,
)
from lethe_chassis.express import serve_express
from lethe_chassis.health import HealthChecks, Unhealthy
from lethe_chassis.logs import configure_logging
from lethe_chassis.operations import MessagingOperations, operations_router
from lethe_chassis.serve import Service, run_service
from lethe_chassis.start import Start, blamed_on, health_of, unavailable_if, verifier_of
from lethe_chassis.trace import bound, current_trace_id, current_traceparent

__all__ = [
    "Address",
    "AuthSettings",
    "Authenticator",
    "BackgroundDied",
    "BodyRule",
    "ChassisError",
    "Conflict",
    "Env",
    "FieldError",
    "Forbidden",
    "Gone",
    "HealthChecks",
    "Invalid",
    "LocalIssuer",
    "MessagingOperations",
    "NotFound",
    "Principal",
    "ProblemError",
    "Service",
    "SettingsError",
    "Start",
    "TokenVerifier",
    "TooManyRequests",
    "Unauthorised",
    "Unavailable",
    "Unhealthy",
    "authorise",
    "blamed_on",
    "bound",
    "configure_logging",
    "create_app",
    "current_trace_id",
    "current_traceparent",
    "engine_is_down",
    "health_of",
    "operations_router",
    "require_scope",
    "run_service",
    "serve_express",
    "unavailable_if",
    "verifier_of",
]
