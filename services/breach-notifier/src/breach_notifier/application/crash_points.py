"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "breach.signals_stored",  # distinct signals are stored, nothing was made of them
    "breach.locked",  # the cases of a batch are locked
    "breach.written",  # their rows are written, their chains are not
    "breach.recorded",  # chains, timers and calls are written, nothing is committed
)

PEOPLE_CRASH_POINTS = (
    "people.counting",  # every search is answered, nobody is counted
    "people.written",  # who is concerned is written, nothing is committed
    "people.counted",  # it is committed
)
LETTER_CRASH_POINTS = (
    "people.asked",  # contacts are asked for, nothing is committed
    "people.fed",  # letters of a page are ordered, nothing is committed
    "people.told",  # that people were told is on record, nothing is committed
    "people.shredded",  # keys are destroyed, the rows do not say so
)
