"""The register's words as an answer to the data subject needs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fideslang.default_taxonomy import DEFAULT_TAXONOMY

from export_worker.domain.facts import Decision, ProcessorFacts, Purpose, Retention

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_processors.register import Processor
    from lethe_processors.worker import Registers

_BASES: Mapping[str, str] = {
    "consent": "your consent (Art. 6(1)(a))",
    "contract": "a contract with you (Art. 6(1)(b))",
    "legal_obligation": "a legal obligation (Art. 6(1)(c))",
    "vital_interests": "vital interests (Art. 6(1)(d))",
    "public_task": "a task in the public interest (Art. 6(1)(e))",
    "legitimate_interests": "legitimate interests (Art. 6(1)(f))",
}
_ROLES: Mapping[str, str] = {
    "own_system": "a system of the controller itself",
    "processor": "a processor that works for the controller",
    "sub_processor": "a sub-processor",
    "recipient": "a recipient outside the controller",
}


class RegisterFacts:
    """Reads the newest register at every call: an answer tells what holds on the day it is given."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    def version(self) -> str:
        return self._registers.current().version

    def of(self, processor_id: str) -> ProcessorFacts:
        processor = self._registers.current().processors.get(processor_id)
        return ProcessorFacts(processor_id, processor_id) if processor is None else _facts(processor)


def _facts(processor: Processor) -> ProcessorFacts:
    transfer = processor.transfer
    return ProcessorFacts(
        processor_id=processor.id,
        name=processor.name,
        external=processor.role.value != "own_system",
        role=_ROLES[processor.role.value],
        contact=processor.owner.contact,
        purposes=tuple(Purpose(_in_words(p.use), _BASES[p.lawful_basis.value]) for p in processor.purposes),
        categories=tuple(_in_words(c) for c in processor.data_categories),
        retention=tuple(Retention(_in_words(rule.category), rule.until) for rule in processor.retention),
        transfer="" if transfer is None else f"{transfer.country}, under {transfer.mechanism}",
        sources=processor.sources,
        decisions=tuple(Decision(d.name, d.logic, d.consequences) for d in processor.automated_decisions),
    )


def _in_words(key: str) -> str:
    """`user.contact.email` → "Email (user.contact.email)"; a key that the taxonomy lacks stays as it is."""
    name = _names().get(key)
    return f"{name} ({key})" if name else key


@cache
def _names() -> Mapping[str, str]:
    known = (*DEFAULT_TAXONOMY.data_category, *DEFAULT_TAXONOMY.data_use)
    return {str(entry.fides_key): entry.name for entry in known if entry.name}
