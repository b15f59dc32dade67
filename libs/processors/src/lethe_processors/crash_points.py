"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "job.accepted",  # tasks are written in the transaction that advances the offset, not committed
    "job.claimed",  # a runner owns them, nothing is done
    "job.answered",  # all is done, nothing of it is on record
    "job.settled",  # the answers are written, not committed, their acks not sent
    "sql.erased",  # every statement of an erasure is through, not committed
    "sql.committed",  # it is committed, and nobody knows
    "sql.looked",  # a database was looked at for what is left
    "sql.exported",  # a database was read, its records are on their way
    "http.submitted",  # a vendor was asked to delete, its answer is not used
    "http.polled",  # it said how its job stands
)
