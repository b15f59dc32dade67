"""Breaks a whole running stack on purpose, and lets the history say what held."""
