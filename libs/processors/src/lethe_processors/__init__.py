"""How to reach a processor."""

from lethe_processors.factory import connector_for

__all__ = ["connector_for"]
