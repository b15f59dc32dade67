"""How to reach a processor."""
