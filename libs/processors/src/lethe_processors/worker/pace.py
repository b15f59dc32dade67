"""What a worker takes from the register, and tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.runner import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_processors.register import Processor, Register, RegisterSource


def limits_of(processor: Processor, *, call_timeout: float) -> Limits:
    """The register's words as the runner's bounds. `call_timeout`: seconds for one batch, the worker's choice."""
    retries = processor.retries
    return Limits(
        concurrency=processor.concurrency,
        batch=processor.batch,
        per_second=processor.rate.per_second if processor.rate is not None else None,
        burst=processor.rate.burst if processor.rate is not None else None,
        max_tries=retries.max_attempts,
        first_backoff=retries.first.total_seconds(),
        factor=retries.factor,
        max_backoff=retries.max.total_seconds(),
        call_timeout=call_timeout,
    )


def limits_of_all(register: Register, *, call_timeout: float) -> dict[str, Limits]:
    """Of every processor that is reached from here; Kafka-native ones take their tasks themselves."""
    reached = (p for p in register.processors.values() if p.connector.kind != "kafka")
    return {p.id: limits_of(p, call_timeout=call_timeout) for p in reached}


def register_facts(registers: RegisterSource) -> Mapping[str, object]:
    """For health: which register is worked with, and what keeps a newer one from being used."""
    return {"version": registers.current().version, "problems": [str(problem) for problem in registers.problems]}
