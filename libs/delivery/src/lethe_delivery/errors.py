"""Errors of delivery.

DeliveryError
├── BadMessage     a message that cannot be put into the form of its channel
└── BadSettings    a channel that cannot work as it is set
"""

from __future__ import annotations


class DeliveryError(Exception):
    """Base. What happens to a single letter is no error but an Outcome."""


class BadMessage(DeliveryError):
    """An address or header cannot be written; doing it again does not help. Never names the address."""


class BadSettings(DeliveryError):
    """The text names the setting and what to do."""
