"""Deterministic simulation: the pure core and the delivery protocol on simulated ground, decided by one seed."""
