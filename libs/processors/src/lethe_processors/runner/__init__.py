"""The queue of work per processor, in the worker's own Postgres schema, and what works it."""

from lethe_processors.runner.answers import Settled
from lethe_processors.runner.breaker import BreakerPolicy, BreakerState
from lethe_processors.runner.limits import Limits
from lethe_processors.runner.metrics import RunnerMetrics
from lethe_processors.runner.queue import Job, JobQueue
from lethe_processors.runner.runner import Crew, Runner, Settle, Work
from lethe_processors.runner.runners import Runners

__all__ = [
    "BreakerPolicy",
    "BreakerState",
    "Crew",
    "Job",
    "JobQueue",
    "Limits",
    "Runner",
    "RunnerMetrics",
    "Runners",
    "Settle",
    "Settled",
    "Work",
]
