"""Typed client of Lethe's HTTP APIs; the `lethe` command stands on it."""

from lethe_client.errors import BadInput, Conflicting, LetheError, Missing, Refused, Unauthorised, Unreachable
from lethe_client.intake import IntakeClient
from lethe_client.models import AcceptedDsr, Dsr, DsrPage, NewDsr
from lethe_client.orchestrator import OrchestratorClient
from lethe_client.settings import Settings

__all__ = [
    "AcceptedDsr",
    "BadInput",
    "Conflicting",
    "Dsr",
    "DsrPage",
    "IntakeClient",
    "LetheError",
    "Missing",
    "NewDsr",
    "OrchestratorClient",
    "Refused",
    "Settings",
    "Unauthorised",
    "Unreachable",
]
