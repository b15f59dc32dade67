"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "export.read",  # a processor was read, its parts are not all stored
    "export.stored",  # they are stored, and not told of
    "package.read",  # the parts of a package were looked through, nothing of it is written
    "package.stored",  # it is stored, and not told of
)
