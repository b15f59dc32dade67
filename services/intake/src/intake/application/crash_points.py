"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "intake.inserted",  # requests are written, their identifiers not sealed, nobody has an answer
    "intake.told",  # statuses are taken over, not committed
)
