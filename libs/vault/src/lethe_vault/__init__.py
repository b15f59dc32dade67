"""Sealed identifiers and documents. Opening anything is on record before it happens; shredding is final.

What it protects from: whoever reads the database, its files or its backups without the master keys; a service role
that goes past the functions; rows moved or changed behind its back. What it does not: whoever holds the master keys
and the database together.
"""

from lethe_vault.errors import (
    AlreadySealed,
    Gone,
    KeyFileRefused,
    KeyMissing,
    Permanent,
    Rejected,
    Replaced,
    Tampered,
    Transient,
    VaultError,
    WrongOwner,
)
from lethe_vault.install import install, master_keys_in_use, rewrap_all
from lethe_vault.keys import FileKeys, KeyProvider, Wrapped
from lethe_vault.model import (
    DocumentInfo,
    Identifiers,
    Redeemed,
    Redemption,
    RedemptionRecord,
    Sealing,
    SmallDocument,
    StoredDocument,
)
from lethe_vault.vault import Vault

__all__ = [
    "AlreadySealed",
    "DocumentInfo",
    "FileKeys",
    "Gone",
    "Identifiers",
    "KeyFileRefused",
    "KeyMissing",
    "KeyProvider",
    "Permanent",
    "Redeemed",
    "Redemption",
    "RedemptionRecord",
    "Rejected",
    "Replaced",
    "Sealing",
    "SmallDocument",
    "StoredDocument",
    "Tampered",
    "Transient",
    "Vault",
    "VaultError",
    "Wrapped",
    "WrongOwner",
    "install",
    "master_keys_in_use",
    "rewrap_all",
]
