"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "erasure.intended",  # the ask is on record, and not made
    "erasure.erased",  # it is answered, and the answer is not on record
)
