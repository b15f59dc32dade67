"""Processors reached over HTTP, described by a profile instead of code."""

from lethe_processors.http.client import Timing
from lethe_processors.http.connector import HttpConnector
from lethe_processors.http.errors import ProfileUnsafe
from lethe_processors.http.profile import HttpProfile

__all__ = ["HttpConnector", "HttpProfile", "ProfileUnsafe", "Timing"]
