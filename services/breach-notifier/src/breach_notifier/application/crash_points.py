"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "breach.signals_stored",  # distinct signals are stored, nothing was made of them
    "breach.locked",  # the cases of a batch are locked
    "breach.written",  # their rows are written, their chains are not
    "breach.recorded",  # chains, timers and calls are written, nothing is committed
)
