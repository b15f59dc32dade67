"""The one module that sees adapters and application together."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from intake.adapters.assertions import SignedAssertions
from intake.adapters.batches import PostgresBatches
from intake.adapters.breaches import PostgresReports, processors_of
from intake.adapters.carrying import Couriers
from intake.adapters.code_letters import CodeLetters
from intake.adapters.controllers import read_assertion_keys, read_controllers
from intake.adapters.correspondence import LetterSettings, PostgresCorrespondence
from intake.adapters.described import RegisterFiles
from intake.adapters.identities import PostgresIdentities
from intake.adapters.meters import meters
from intake.adapters.people import Forgetting, PostgresPeople
from intake.adapters.secrets import code_secret, fingerprint_secret
from intake.adapters.store import PostgresStore
from intake.adapters.transmissions import PostgresTransmissions
from intake.adapters.transmitting import keep_transmitting, targets_of
from intake.adapters.untold import PostgresUntold
from intake.adapters.withdrawals import PostgresWithdrawals
from intake.application.accept import Acceptance
from intake.application.batches import Batches
from intake.application.breaches import Breaches
from intake.application.dealings import Dealings
from intake.application.identity import IdentityChecks
from intake.application.letters import LetterDesk, LetterTelling
from intake.application.overload import Gate, TimedDesk
from intake.application.packages import Packages
from intake.application.redeem import Redemptions
from intake.application.republish import Republishing
from intake.application.withdraw import Withdrawals
from intake.domain.fingerprint import Fingerprints
from intake.domain.identity import Codes
from intake.domain.overload import Load
from intake.entrypoints.http import Parts, build_app
from intake.entrypoints.messages import keep_telling, on_letters, on_status
from lethe_chassis import Service, Start, TokenVerifier, blamed_on, health_of, unavailable_if, verifier_of
from lethe_delivery import Policy, migrate_delivery
from lethe_events.topics import BREACH_REPORTS, BREACH_SIGNALS, LETTERS, REQUESTS, STATUS
from lethe_law import load_calendars, supported_countries
from lethe_messaging import (
    Bus,
    BusFailed,
    KafkaSettings,
    Operations,
    TopicMismatch,
    Tuning,
    ensure_topics,
    migrate_messaging,
)
from lethe_postgres import Database, migrate
from lethe_processors.register import RegisterError
from lethe_vault import FileKeys, KeyFileRefused, Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from intake.domain.model import Controller
    from intake.domain.transmission import Target
    from intake.settings import Settings
    from lethe_events.topics import Topic
    from lethe_messaging import Handler

NAME = "intake"
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Topics:
    """Where intake writes and listens; other names only on a cluster that is shared with something else."""

    requests: Topic = REQUESTS
    status: Topic = STATUS
    breach_reports: Topic = BREACH_REPORTS
    breach_signals: Topic = BREACH_SIGNALS
    letters: Topic = LETTERS

    @property
    def every(self) -> tuple[Topic, ...]:
        return self.requests, self.status, self.breach_reports, self.breach_signals, self.letters


@dataclass(frozen=True, slots=True)
class _Engines:
    """What was opened."""

    controllers: Mapping[str, Controller]
    keys: FileKeys
    auth: TokenVerifier
    database: Database
    start: Start
    bus: Bus
    secret: bytes
    codes: Codes
    assertions: SignedAssertions
    couriers: Couriers
    correspondence: PostgresCorrespondence
    targets: Mapping[str, Target]


@asynccontextmanager
async def bootstrap(settings: Settings, topics: Topics | None = None) -> AsyncIterator[Service]:
    """Open everything, wire it, and close it on leaving. Raises SettingsError for files that cannot be used."""
    topics = topics or Topics()
    controllers, assertions = _controllers(settings)
    keys = _keys(settings)
    letters = _letters(settings)
    targets = targets_of(settings.targets)
    auth = verifier_of(settings.auth)
    database = await Database.connect(
        settings.postgres, schema=NAME, max_size=settings.connections, application_name=f"lethe-{NAME}"
    )
    try:
        await migrate(database, NAME)
        await migrate(database, "intake.adapters")  # numbered apart: reports of breaches stand for themselves
        await migrate_messaging(database)
        kafka = KafkaSettings(settings.kafka)
        start = _start(kafka, topics, settings.partitions)
        await start.attempt()
        await migrate_delivery(database)
        secret = await fingerprint_secret(database, keys)
        codes = Codes(await code_secret(database, keys))
        post = Vault(database, keys, redeemer=f"{NAME}:letters")
        correspondence = PostgresCorrespondence(database, post, controllers, letters, sender=settings.sender, now=_now)
        letters.say(controllers)
        couriers = _couriers(settings, database, keys, codes, controllers, correspondence)
        bus = Bus(database, kafka, service=NAME, tuning=_tuning(settings))
        await bus.start()
        try:
            who = (secret, codes, assertions)
            engines = _Engines(controllers, keys, auth, database, start, bus, *who, couriers, correspondence, targets)
            yield _wire(settings, topics, engines)
        finally:
            await bus.stop()
    finally:
        await database.close()
        await auth.close()


def _wire(settings: Settings, topics: Topics, engines: _Engines) -> Service:
    database, keys, bus = engines.database, engines.keys, engines.bus
    store = PostgresStore(database)
    vault = Vault(database, keys, redeemer=NAME)
    vault_as = lru_cache(maxsize=256)(lambda processor: Vault(database, keys, redeemer=f"processor:{processor}"))
    desk = TimedDesk(bus)
    gate = Gate(lambda: load_of(bus.health(), desk.slowest_s, keys), meters(), settings.limits)
    acceptance = _acceptance(settings, topics, engines, desk, gate, vault)
    parts = Parts(
        acceptance,
        store,
        Republishing(desk, PostgresUntold(vault), topics.requests.name),
        Packages(store, vault, _now),
        Redemptions(store, vault_as),
        Operations(database, bus),
        _dealings(settings, topics, desk, engines, acceptance),
        _breaches(settings, topics, engines, desk, vault, gate),
        engines.correspondence,
    )
    telling = LetterTelling(engines.correspondence.store, desk, topics.requests.name)
    app = build_app(
        lambda: parts,
        auth=engines.auth,
        health=health_of(database, bus, engines.start, engines.auth),
        unavailable=unavailable_if(BusFailed),
        registry=REGISTRY,
    )
    load_calendars(_now().year, {c.country for c in engines.controllers.values()} & set(supported_countries()))
    background = {
        "consume": lambda: _consume(engines.start, bus, _heard(topics, store, engines.correspondence)),
        "letters": lambda: keep_telling(telling),
        "transmit": lambda: keep_transmitting(PostgresTransmissions(database), vault, engines.targets),
        "relay": bus.relay,
        "group_commit": acceptance.group.run,
        "gate": gate.watch,
        "couriers": engines.couriers.run,
        "forget": Forgetting(database, _now, settings.repeats_kept).run,
    }

    async def stop() -> None:
        await engines.couriers.stop()
        await bus.stop()

    return Service(app, settings.http, background, stop, settings.shared_port)


def _acceptance(  # noqa: PLR0917 - what was opened and wired
    settings: Settings, topics: Topics, engines: _Engines, desk: TimedDesk, gate: Gate, vault: Vault
) -> Acceptance:
    return Acceptance(
        desk=desk,
        store=PostgresStore(engines.database),
        people=PostgresPeople(),
        sealer=vault,
        gate=gate,
        meters=meters(),
        controllers=engines.controllers,
        assertions=engines.assertions,
        secret=engines.secret,
        now=_now,
        entropy=os.urandom,
        is_transient=unavailable_if(BusFailed),
        spacing_s=settings.spacing_s,
        topic=topics.requests.name,
        described=RegisterFiles(settings.register),
        targets=engines.targets,
        letters=engines.correspondence.store,
    )


def _dealings(
    settings: Settings, topics: Topics, desk: TimedDesk, engines: _Engines, acceptance: Acceptance
) -> Dealings:
    fingerprints = Fingerprints(engines.secret)
    shelf = PostgresBatches(engines.database)
    checks = IdentityChecks(
        desk,
        PostgresIdentities(),
        engines.codes,
        settings.codes,
        now=_now,
        entropy=os.urandom,
        topic=topics.requests.name,
    )
    return Dealings(
        Withdrawals(desk, PostgresWithdrawals(), _now, topics.requests.name),
        checks,
        engines.couriers.channels,
        Batches(acceptance, shelf, fingerprints, now=_now, entropy=os.urandom),
    )


def _heard(topics: Topics, store: PostgresStore, letters: PostgresCorrespondence) -> Mapping[Topic, Handler]:
    said = letters.settings
    desk = LetterDesk(letters.store, said.policies, said.register, topics.requests.name)
    return {topics.status: on_status(store, meters()), topics.letters: on_letters(desk)}


def _couriers(  # noqa: PLR0917 - what was opened
    settings: Settings,
    database: Database,
    keys: FileKeys,
    codes: Codes,
    controllers: Mapping[str, Controller],
    correspondence: PostgresCorrespondence,
) -> Couriers:
    vault = Vault(database, keys, redeemer=f"{NAME}:identity")
    letters = CodeLetters(database, vault, codes, controllers, sender=settings.sender, now=_now)
    return Couriers(
        database,
        letters,
        os.urandom,
        smtp=settings.smtp,
        sms=settings.sms,
        letters=correspondence.writer if correspondence.settings.policies else None,
        letter_policy=Policy(first_pause=settings.letter_pause),
    )


def _breaches(  # noqa: PLR0917 - what was opened and wired
    settings: Settings, topics: Topics, engines: _Engines, desk: TimedDesk, vault: Vault, gate: Gate
) -> Breaches:
    return Breaches(
        desk=desk,
        shelf=PostgresReports(),
        sealer=vault,
        gate=gate,
        controllers=engines.controllers,
        processors=lambda: processors_of(settings.register),
        fingerprints=Fingerprints(engines.secret),
        now=_now,
        entropy=os.urandom,
        reports=topics.breach_reports.name,
        signals=topics.breach_signals.name,
    )


def _start(kafka: KafkaSettings, topics: Topics, partitions: int) -> Start:
    """Topics. Brokers may be away: requests are accepted all the same."""
    return Start(
        lambda: ensure_topics(kafka, topics.every, partitions),
        refused=(TopicMismatch,),
        waiting="the brokers have not answered since the start: requests are accepted and wait",
        patience_s=_PATIENCE_S,
    )


async def _consume(start: Start, bus: Bus, subscriptions: Mapping[Topic, Handler]) -> None:
    await start.insist()
    await bus.consume(subscriptions)


def _tuning(settings: Settings) -> Tuning:
    """What intake reads is shown to people, who do not mind a third of a second; larger batches cost all less."""
    return Tuning(window=0.3, window_max=0.5, parked_retention=settings.parked_retention_s)


def load_of(health: Mapping[str, object], slowest_s: float, keys: FileKeys) -> Load:
    """What back-pressure goes by: the bus's health, the transactions, and whether identifiers can be sealed."""
    outbox, trouble = health.get("outbox"), health.get("trouble")
    facts = outbox if isinstance(outbox, dict) else {}
    return Load(
        outbox_rows=int(facts.get("rows", 0)),
        outbox_age_s=float(facts.get("oldest_seconds", 0.0)),
        slowest_s=slowest_s,
        database_away=isinstance(trouble, dict) and "postgres" in trouble,
        vault_away=not _can_seal(keys),
    )


def _can_seal(keys: FileKeys) -> bool:
    """Costs a look at the file's date once a second."""
    try:
        return bool(keys.current)
    except (OSError, KeyFileRefused):
        return False


def _now() -> datetime:
    return datetime.now(UTC)


def _controllers(settings: Settings) -> tuple[Mapping[str, Controller], SignedAssertions]:
    with blamed_on("LETHE_CONTROLLERS", ValueError):
        found = read_controllers(settings.controllers)
        return found, SignedAssertions(read_assertion_keys(settings.controllers))


def _letters(settings: Settings) -> LetterSettings:
    with blamed_on("LETHE_CONTROLLERS", ValueError), blamed_on("LETHE_REGISTER", RegisterError):
        return LetterSettings(settings.controllers, settings.register, smtp=settings.smtp is not None)


def _keys(settings: Settings) -> FileKeys:
    with blamed_on("LETHE_VAULT_KEYS", KeyFileRefused):
        return FileKeys(settings.vault_keys)
