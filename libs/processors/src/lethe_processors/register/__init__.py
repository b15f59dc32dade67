"""The register of processors: files under version control, checked as a whole, versioned by content."""

from lethe_processors.errors import RegisterError
from lethe_processors.problems import Problem
from lethe_processors.register.live import check_live
from lethe_processors.register.load import check_register, load_register
from lethe_processors.register.models import (
    Capabilities,
    Dpa,
    Excepted,
    HttpSettings,
    KafkaSettings,
    LawfulBasis,
    Owner,
    Processor,
    Purpose,
    Rate,
    Register,
    RetentionRule,
    Retries,
    Role,
    SqlSettings,
    Transfer,
    Verification,
)
from lethe_processors.register.source import RegisterSource

__all__ = [
    "Capabilities",
    "Dpa",
    "Excepted",
    "HttpSettings",
    "KafkaSettings",
    "LawfulBasis",
    "Owner",
    "Problem",
    "Processor",
    "Purpose",
    "Rate",
    "Register",
    "RegisterError",
    "RegisterSource",
    "RetentionRule",
    "Retries",
    "Role",
    "SqlSettings",
    "Transfer",
    "Verification",
    "check_live",
    "check_register",
    "load_register",
]
