"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "saga.locked",  # the sagas of a batch are locked and not read
    "saga.written",  # their rows are written, their tasks are not
    "saga.recorded",  # chains and certificates are written, incidents are not
    "certificate.written",  # the same, with a certificate among them
    "timer.found",  # what is due is known, nothing is fired
    "seal.taken",  # heads of chains are taken from the queue, no seal is written
    "seal.written",  # a seal is written, not committed, and not on the bus
)
