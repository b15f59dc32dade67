"""Where tests make a process die: `LETHE_CRASH_AT=name` or `name:n` for the n-th passage."""

CRASH_POINTS = (
    "poll.after",  # records are fetched, nothing is done with them
    "batch.before_commit",  # everything of a batch is written, not committed
    "batch.after_commit",  # a batch is stored, nothing of it is published
    "work.before_commit",  # the same for HTTP, timers and runners
    "work.after_commit",
    "publish.after",  # the broker has the records, the outbox row is still there
    "relay.read",  # the relay has read somebody else's chunks
    "relay.published",  # and published them, without having deleted the rows
)
