"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "vault.sealed",  # identifiers are written in the caller's transaction, not committed
    "vault.announced",  # a redemption is on record, nothing is opened
    "vault.collected",  # it is opened, nobody has used it
    "vault.upload_begun",  # a document has an id and no content
    "vault.upload_written",  # all of its content is there, and it is not a document yet
    "vault.upload_finished",  # it is one, and nobody has told of it
    "vault.shredded",  # a key is destroyed, and whose it was is not noted by the service
)
