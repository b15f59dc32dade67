"""Processors that are PostgreSQL databases, described by a dataset file."""

from lethe_processors.sql.connector import SqlConnector

__all__ = ["SqlConnector"]
