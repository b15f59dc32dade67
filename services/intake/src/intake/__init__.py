"""Intake: how a data-subject request comes in."""
