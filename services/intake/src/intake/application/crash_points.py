"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "intake.inserted",  # requests are written, their identifiers not sealed, nobody has an answer
    "intake.told",  # statuses are taken over, not committed
    "intake.identity_verified",  # a right code is marked as used, nobody was told
)

LETTER_CRASH_POINTS = ("intake.letters_kept",)
"""Letters are kept and in the ledger, not committed. Reached only where a controller has letters sent."""
