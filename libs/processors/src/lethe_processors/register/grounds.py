"""Whether the grounds that a register names are grounds of the law, and fit what they are named for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_law.grounds import GROUNDS, Effect
from lethe_processors.register.taxonomy import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lethe_processors.dataset.model import Retain
    from lethe_processors.dataset.parse import Parsed
    from lethe_processors.problems import Problem
    from lethe_processors.register.models import Processor
    from lethe_processors.yaml_source import Document


def check_grounds(document: Document, processor: Processor) -> Iterator[Problem]:
    excepted = processor.verification.excepted
    if excepted is not None:
        yield from _check(
            lambda message, fix: document.problem(("verification", "excepted"), message, fix),
            excepted.ground,
            excepted.article,
            Effect.EXCEPT,
        )


def check_dataset_grounds(parsed: Parsed) -> Iterator[Problem]:
    for collection in parsed.dataset.collections if parsed.dataset else ():
        retained: list[tuple[tuple[str, ...], Retain]] = []
        if collection.retain is not None and collection.retain.like is None:
            retained.append(((collection.name,), collection.retain))
        for path, field in collection.leaves():
            if field.retain is not None:
                retained.append(((collection.name, *path), field.retain))
        for where, retain in retained:
            yield from _retain(parsed, where, retain)


def _retain(parsed: Parsed, where: tuple[str, ...], retain: Retain) -> Iterator[Problem]:
    yield from _check(
        lambda message, fix: parsed.problem(where, message, fix), retain.ground, retain.article, Effect.RETAIN
    )
    ground = GROUNDS.get(retain.ground)
    if ground is not None and ground.needs_law and retain.law is None:
        yield parsed.problem(
            where,
            f"the ground {retain.ground} rests on a law that is not named.",
            "add `law:` to `retain`, for example the commercial code and its section.",
            blocking=False,
        )


def _check(report: Callable[[str, str], Problem], code: str, article: str, effect: Effect) -> Iterator[Problem]:
    ground = GROUNDS.get(code)
    fitting = [g.code for g in GROUNDS.values() if g.effect is effect]
    if ground is None or ground.effect is not effect:
        what = "unknown ground" if ground is None else "a ground that does not fit here"
        yield report(f"{code}: {what}.", f"{suggestion(code, fitting)}Use one of {', '.join(fitting)}.")
    elif not article.startswith(ground.article):
        yield report(f"the ground {code} is not in {article}.", f"write `article: {ground.article}`.")
