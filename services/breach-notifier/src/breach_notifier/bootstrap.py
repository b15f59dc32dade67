"""The one module that sees adapters and application together."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import httpx
from prometheus_client import REGISTRY

from breach_notifier.adapters.breach_letters import BreachLetters, Wording, read_senders
from breach_notifier.adapters.call_mail import MailPager
from breach_notifier.adapters.calls import PATIENCE_S, Channels, PostgresCalls, Shape, Webhooks
from breach_notifier.adapters.carrying import Carrying
from breach_notifier.adapters.mailings import PostgresMailings
from breach_notifier.adapters.meters import meters
from breach_notifier.adapters.people import PostgresIndex, PostgresScopes
from breach_notifier.adapters.people_vault import SealedPeople
from breach_notifier.adapters.policy import read_policy
from breach_notifier.adapters.reading import PostgresReading
from breach_notifier.adapters.sent_log import FileLog
from breach_notifier.adapters.signals import PostgresSignals
from breach_notifier.adapters.store import PACKAGE, PostgresCases
from breach_notifier.application.acts import Acts
from breach_notifier.application.calls import Calls
from breach_notifier.application.joining import Joining
from breach_notifier.application.office import Office
from breach_notifier.application.people import People, Stores, people_of
from breach_notifier.application.signals import Purge, Signals
from breach_notifier.application.take import Reports
from breach_notifier.application.timers import Timers
from breach_notifier.application.topics import Topics
from breach_notifier.entrypoints.http import build_app
from breach_notifier.entrypoints.loops import handlers, keep_stepping
from breach_notifier.entrypoints.parts import Parts
from lethe_chassis import Service, Start, TokenVerifier, blamed_on, health_of, unavailable_if, verifier_of
from lethe_delivery import SmtpMailer, migrate_delivery
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
from lethe_vault import FileKeys, KeyFileRefused, Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from breach_notifier.adapters.calls import Channel, Receiver
    from breach_notifier.adapters.meters import BreachMeters
    from breach_notifier.domain.policy import Policy
    from breach_notifier.settings import Settings

NAME = "breach_notifier"
_COUNT_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class _Engines:
    """What was opened."""

    policy: Policy
    receivers: Mapping[str, Receiver]
    auth: TokenVerifier
    database: Database
    kafka: KafkaSettings
    bus: Bus
    channels: Mapping[Shape, Channel]


@dataclass(frozen=True, slots=True)
class _Found:
    """What works on the people concerned. `carrying`: None without a server that takes e-mail."""

    people: People
    carrying: Carrying | None

    def background(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        steps = {name: partial(keep_stepping, name, step) for name, step in self.people.steps.items()}
        return {**steps, **({} if self.carrying is None else {"letters": self.carrying.run})}


@asynccontextmanager
async def bootstrap(settings: Settings, topics: Topics | None = None) -> AsyncIterator[Service]:
    """Open everything, wire it, and close it on leaving. Raises SettingsError for files that cannot be used."""
    policy, receivers = _policy(settings)
    auth = verifier_of(settings.auth)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(auth.close)
        database = await Database.connect(
            settings.postgres,
            schema=NAME,
            min_size=1,
            max_size=settings.connections,
            application_name="lethe-breach-notifier",
        )
        stack.push_async_callback(database.close)
        await migrate(database, PACKAGE)
        await migrate_messaging(database)
        await migrate_delivery(database)
        channels = await _channels(settings, stack)
        kafka = KafkaSettings(settings.kafka)
        bus = Bus(database, kafka, service=NAME, tuning=_tuning(settings))
        await bus.start()
        stack.push_async_callback(bus.stop)
        yield _wire(settings, topics or Topics(), _Engines(policy, receivers, auth, database, kafka, bus, channels))


def _wire(settings: Settings, topics: Topics, engines: _Engines) -> Service:
    database, bus, counted = engines.database, engines.bus, meters()
    office = Office(PostgresCases(database), engines.policy, topics, counted)
    stored = PostgresSignals(database)
    reports, signals = Reports(office), Signals(office, stored)
    timers = Timers(office, bus)
    calls = _calls(engines, counted)
    purge = Purge(stored, settings.signal_retention)
    reading = PostgresReading(database, engines.policy)
    found = _people(settings, engines, office)
    people = None if found is None else found.people
    parts = Parts(
        reading,
        Acts(office, bus),
        Joining(office, bus),
        Operations(database, bus),
        people,
        PostgresScopes(database),
        None if found is None or found.carrying is None else PostgresMailings(database),
    )
    needed = topics.every if people is None else (*topics.every, *topics.of_people)
    start = Start(
        lambda: ensure_topics(engines.kafka, needed, settings.partitions),
        refused=(TopicMismatch,),
        waiting="waits for the brokers: topics are not there yet",
    )
    app = build_app(
        lambda: parts,
        auth=engines.auth,
        health=health_of(database, bus, start, engines.auth),
        unavailable=unavailable_if(BusFailed),
        registry=REGISTRY,
    )

    async def count() -> float:
        counted.counted(*await reading.counts())
        return _COUNT_EVERY_S

    async def consume() -> None:
        await start.insist()
        more = {} if people is None else people.handlers(office)
        await bus.consume({**handlers(reports, signals, topics), **more})

    background: Mapping[str, Callable[[], Awaitable[None]]] = {
        "consume": consume,
        "relay": bus.relay,
        "timers": lambda: keep_stepping("timers", timers.step),
        **{name: partial(keep_stepping, name, each.step) for name, each in calls.items()},
        "purge": lambda: keep_stepping("purge", purge.step),
        "count": lambda: keep_stepping("count", count),
        **({} if found is None else found.background()),
    }

    async def stop() -> None:
        if found is not None and found.carrying is not None:
            await found.carrying.stop()
        await bus.stop()

    return Service(app, settings.http, background, stop)


def _people(settings: Settings, engines: _Engines, office: Office) -> _Found | None:
    """None where there is no vault: cases are kept all the same, and nobody is looked for."""
    if settings.vault_keys is None:
        return None
    database = engines.database
    with blamed_on("LETHE_VAULT_KEYS", KeyFileRefused):
        vault = SealedPeople(Vault(database, FileKeys(settings.vault_keys), redeemer="breach-notifier"))
    stores = Stores(PostgresScopes(database), PostgresIndex(database), PostgresMailings(database))
    wording = Wording(read_senders(settings.controllers))
    carrying = None
    if settings.smtp is not None:
        carrying = Carrying(
            database,
            engines.bus.instance_id,
            settings.smtp,
            BreachLetters(database, vault, wording, settings.sender),
            settings.letters_per_second,
            None if settings.sent_log is None else FileLog(settings.sent_log),
        )
    return _Found(people_of(office, engines.bus, stores, vault, vault, wording, settings.retention), carrying)


async def _channels(settings: Settings, stack: AsyncExitStack) -> Mapping[Shape, Channel]:
    webhooks = Webhooks(await stack.enter_async_context(httpx.AsyncClient()))
    found: dict[Shape, Channel] = {Shape.ALERTMANAGER: webhooks, Shape.PAGERDUTY: webhooks}
    if settings.smtp is not None:
        mailer = SmtpMailer(replace(settings.smtp, connections=1, timeout=PATIENCE_S))
        stack.push_async_callback(mailer.close)
        found[Shape.EMAIL] = MailPager(mailer, settings.sender)
    return found


def _calls(engines: _Engines, counted: BreachMeters) -> Mapping[str, Calls]:
    """One part per receiver, so that one who hangs delays nobody else; and one for who is not configured any more."""
    store, caller = PostgresCalls(engines.database), Channels(engines.receivers, engines.channels)
    each = {f"calls:{name}": Calls(store, caller, counted, [name]) for name in engines.receivers}
    return each | {"calls": Calls(store, caller, counted, list(engines.receivers), others=True)}


def _policy(settings: Settings) -> tuple[Policy, Mapping[str, Receiver]]:
    with blamed_on("LETHE_BREACH_POLICY", ValueError):
        policy, receivers = read_policy(settings.controllers, settings.policy)
        mute = [r.name for r in receivers.values() if r.shape is Shape.EMAIL and settings.smtp is None]
        if mute:
            raise ValueError(f"on_call.{mute[0]}: is reached by e-mail, and LETHE_SMTP_HOST is not set")
    return policy, receivers


def _tuning(settings: Settings) -> Tuning:
    """A fifth of a second more until a page matters to nobody; one look per message of `dsr.status` costs all the rest.

    A flood does not wait: batches of 200 go at once.
    """
    return Tuning(window=0.2, window_max=0.5, parked_retention=settings.parked_retention_s)
