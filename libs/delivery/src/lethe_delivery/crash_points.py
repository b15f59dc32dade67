"""Where tests make a process die; how, says `lethe_postgres.crash`."""

CRASH_POINTS = (
    "delivery.claimed",  # rows are ours, nothing is composed
    "delivery.composed",  # addresses are redeemed, nothing is handed over
    "delivery.handed_over",  # the rows say `sending`, no byte of DATA has left
    "delivery.replied",  # the other side has answered, nothing of it is written down
    "delivery.settled",  # it is
)
