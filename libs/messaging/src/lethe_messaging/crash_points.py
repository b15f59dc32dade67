"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "poll.after",  # records are fetched, nothing is done with them
    "batch.decoded",  # they are read, no transaction is open
    "batch.advanced",  # the offset is moved in an open transaction, nothing is handled
    "batch.handled",  # the handler is through, what it sends and parks is not written
    "batch.before_commit",  # everything of a batch is written, not committed
    "batch.after_commit",  # a batch is stored, nothing of it is published
    "work.before_commit",  # the same for HTTP, timers and runners
    "work.after_commit",
    "batch.found_out",  # the answer to COMMIT was lost, and what is stored was read
    "publish.after",  # the broker has the records, the outbox row is still there
    "publish.deleted",  # the outbox row is gone
    "relay.read",  # the relay has read somebody else's chunks
    "relay.published",  # and published them, without having deleted the rows
    "relay.deleted",
)
