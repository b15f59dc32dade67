"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "intake.inserted",  # requests are written, their identifiers not sealed, nobody has an answer
    "intake.told",  # statuses are taken over, not committed
    "intake.identity_verified",  # a right code is marked as used, nobody was told
)
