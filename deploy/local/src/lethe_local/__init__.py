"""Lethe on one machine: real engines, every service, sample processors. Never imported by what runs in production."""
