"""Where tests make a process die; how, says `lethe_postgres.crash`. Searches are for breaches, apart from sagas."""

CRASH_POINTS = (
    "export.read",  # a processor was read, its parts are not all stored
    "export.stored",  # they are stored, and not told of
    "package.read",  # the parts of a package were looked through, nothing of it is written
    "package.stored",  # it is stored, and not told of
)

SEARCH_CRASH_POINTS = (
    "search.claimed",  # a search for the case of a breach is ours, nothing was read
    "search.sealed",  # what it found is sealed, and not told of
    "search.settled",  # its answer is written, nothing is committed
)
