"""Mistakes of the delivery protocol, each switched on by its name. None of `MUTANTS` may pass the checker."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MUTANTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # intake
        "202_before_commit": "a 202 leaves before the transaction is stored",
        "no_idempotency_key": "a request that is sent again is accepted again",
        # the inbox
        "no_compare_and_set": "an offset is advanced without looking who owns it and where it stands",
        "offset_first": "the offset is stored before what its messages do",
        "unknown_commit_is_taken_for_stored": "after a COMMIT without an answer, the batch is taken for done",
        "gaps_are_believed": "a gap in what the client read is taken for compaction at once",
        "new_owner_starts_at_the_end": "a new owner reads from the end of the log instead of the stored offset",
        "unreadable_are_skipped": "what cannot be decoded is passed over without parking it",
        "parked_are_dropped": "what no handler can take is passed over without parking it",
        "poison_takes_its_batch_along": "a batch with a message that cannot be handled is passed over as a whole",
        "poison_stops": "a message that cannot be handled stops its partition",
        # the outbox
        "no_outbox_row": "what a transaction sends is kept in memory only",
        "publish_before_commit": "what a transaction sends is published before it is stored",
        "publisher_deletes_first": "the outbox row goes before the broker has the records",
        "publisher_takes_no_for_yes": "a failed publish counts as done",
        "relay_asleep": "nobody sweeps the outbox",
        "relay_deletes_first": "the relay deletes rows before the broker has their records",
        "relay_takes_no_for_yes": "the relay takes a failed publish for done",
        "relay_without_order": "the relay publishes the newest rows first",
        "relay_trusts_the_living": "the relay leaves out what a living writer forgot",
        # leases
        "no_lease_check": "a slot is claimed whoever holds it",
        "epoch_stands_still": "a claim does not raise the epoch",
        "dead_owners_keep": "slots of the dead and the frozen are not taken over",
        "orphaned_claims_are_kept": "a claim that was stored while its answer was lost is renewed and not worked",
        # sagas
        "every_copy_counts": "an answer counts as often as it is delivered",
        "late_answers_are_applied": "what is answered after the close is linked into the chain",
        "closes_without_looking": "a saga closes when every erasure is acknowledged",
        "excepted_are_asked": "a processor is asked although its task was excepted",
        "sagas_are_not_locked": "two transactions change one saga without knowing of each other",
        "audit_in_its_own_transaction": "links of the chain are stored apart from what they record",
        # timers
        "timers_fire_early": "a moment fires before it has come",
        "fired_timers_are_forgotten": "a saga that was touched is not armed again",
        "alarms_are_told_apart": "an alarm is told in a transaction of its own, before the saga knows of it",
        # workers
        "every_delivery_is_a_job": "a question that is delivered twice is two jobs",
        "key_per_attempt": "a processor is called under another key each time",
        "claims_of_the_living_are_taken": "work is taken over from whoever is at it",
        "claims_of_the_dead_stay": "work of the dead is not taken over",
        "settled_without_fence": "a result is stored although the claim was lost",
    }
)

HARMLESS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "offset_last": (
            "the offset is stored in a transaction after the one of its messages",
            "what is delivered again finds its saga, task or answer there",
        ),
        "unknown_commit_is_done_again": (
            "after a COMMIT without an answer, the batch is handled once more",
            "what is handled again finds its saga, task or answer there",
        ),
        "relay_forgets_the_dead": (
            "the relay does not look for what dead writers left behind",
            "it sweeps whatever is old, whoever wrote it",
        ),
    }
)
"""Mistakes that a second line of defence makes harmless, and which: they have to pass."""

SEEDS: Final = 3000
"""Schedules within which each of them has to be caught."""
