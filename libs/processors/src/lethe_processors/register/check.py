"""What is wrong with a register beyond the form of its single fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import PACKAGE_PROCESSOR, Verb
from lethe_processors.dataset.graph import Graph
from lethe_processors.dataset.model import FieldMethod
from lethe_processors.dataset.ordering import components
from lethe_processors.dataset.rights import rules_for
from lethe_processors.register.models import LawfulBasis, SqlSettings
from lethe_processors.register.taxonomy import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lethe_processors.dataset.model import Collection, Dataset, Field, Retain
    from lethe_processors.dataset.parse import Parsed
    from lethe_processors.problems import Problem
    from lethe_processors.register.models import Processor
    from lethe_processors.register.taxonomy import Taxonomy
    from lethe_processors.yaml_source import Document, Path_

_IDENTIFYING = ("user.contact", "user.name", "user.government_id")


def check_words(document: Document, processor: Processor, taxonomy: Taxonomy) -> Iterator[Problem]:
    """Categories, uses and subjects that fideslang does not know."""
    used: list[tuple[Path_, str, frozenset[str], str]] = [
        (("purposes", i, "use"), purpose.use, taxonomy.uses, "data use") for i, purpose in enumerate(processor.purposes)
    ]
    for i, subject in enumerate(processor.data_subjects):
        used.append((("data_subjects", i), subject, taxonomy.subjects, "data subject"))
    for i, category in enumerate(processor.data_categories):
        used.append((("data_categories", i), category, taxonomy.categories, "data category"))
    for i, rule in enumerate(processor.retention):
        used.append((("retention", i, "category"), rule.category, taxonomy.categories, "data category"))
    for path, word, known, what in used:
        if word not in known:
            yield document.problem(
                path, f"unknown {what} {word}.", f"{suggestion(word, known)}Own words go into taxonomy.yaml."
            )


def check_dataset_words(parsed: Parsed, taxonomy: Taxonomy) -> Iterator[Problem]:
    for collection in parsed.dataset.collections if parsed.dataset else ():
        retained: list[tuple[tuple[str, ...], Retain]] = []
        if collection.retain is not None:
            retained.append(((collection.name,), collection.retain))
        yield from _uses(parsed, collection, taxonomy)
        for path, field in collection.leaves():
            if field.retain is not None:
                retained.append(((collection.name, *path), field.retain))
            for category in field.categories:
                if category not in taxonomy.categories:
                    yield parsed.problem(
                        (collection.name, *path),
                        f"unknown data category {category}.",
                        f"{suggestion(category, taxonomy.categories)}Own words go into taxonomy.yaml.",
                    )
        for where, retain in retained:
            if retain.like is None and retain.category not in taxonomy.categories:
                yield parsed.problem(
                    where,
                    f"`retain` names the unknown data category {retain.category}.",
                    f"{suggestion(retain.category, taxonomy.categories)}Own words go into taxonomy.yaml.",
                )


def _uses(parsed: Parsed, collection: Collection, taxonomy: Taxonomy) -> Iterator[Problem]:
    for use in (rule.purpose for rule in collection.suppress):
        if use not in taxonomy.uses:
            fix = f"{suggestion(use, taxonomy.uses)}Own words go into taxonomy.yaml."
            yield parsed.problem((collection.name,), f"`suppress` names the unknown data use {use}.", fix)


def check_order(documents: Mapping[str, Document], processors: Mapping[str, Processor]) -> Iterator[Problem]:
    """`after` names processors that exist, and no circle of them."""
    for name, processor in processors.items():
        for i, other in enumerate(processor.after):
            if other not in processors:
                yield documents[name].problem(
                    ("after", i),
                    f"there is no processor {other} in the register.",
                    f"{suggestion(other, processors)}Correct the name, or remove it.",
                )
    arrows = {n: [a for a in p.after if a in processors] for n, p in processors.items()}
    for circle in components(processors, arrows):
        if len(circle) > 1 or circle[0] in arrows[circle[0]]:
            for name in circle:
                yield documents[name].problem(
                    ("after",),
                    f"{', '.join(circle)} wait for each other: none of them would ever erase.",
                    "remove one `after` of this circle.",
                )


_VERBS = {
    "sql": frozenset(Verb) - {Verb.PACKAGE},
    "http": frozenset({Verb.EXPORT, Verb.ERASE, Verb.VERIFY}),
    "kafka": frozenset(Verb) - {Verb.PACKAGE},
}
"""What connectors of each kind can do."""


def check_capabilities(document: Document, processor: Processor) -> Iterator[Problem]:
    """Verbs that the processor declares and its connector cannot do, and verbs that make no sense alone."""
    verbs, kind = processor.capabilities.verbs, processor.connector.kind
    beyond = sorted(v.value for v in verbs - _VERBS[kind])
    if beyond:
        yield document.problem(
            ("capabilities", "verbs"),
            f"a connector of kind {kind} cannot {', '.join(beyond)}.",
            "take the verb out: such tasks then go to a person.",
        )
    if (Verb.RESTRICT in verbs) != (Verb.LIFT in verbs):
        yield document.problem(
            ("capabilities", "verbs"),
            "what is restricted has to be lifted one day, and only that: it declares one without the other.",
            "declare both `restrict` and `lift`, or neither.",
        )


def check_sql(document: Document, processor: Processor, parsed: Parsed) -> Iterator[Problem]:
    """What the processor's entry and its dataset have to agree on."""
    settings = processor.connector
    if not isinstance(settings, SqlSettings) or parsed.dataset is None:
        return
    changes = sorted(v.value for v in processor.capabilities.verbs - {Verb.EXPORT, Verb.VERIFY})
    if changes and settings.write is None:
        what = ", ".join(changes)
        yield document.problem(
            ("connector",),
            f"it is to {what}, but has no `write` credential.",
            "add `write: env:NAME`, or drop the verb.",
        )
    if Verb.SUPPRESS in processor.capabilities.verbs:
        yield from _stopped(document, processor, parsed.dataset)
    yield from _named_purposes(document, processor, parsed.dataset)
    personal = {c for col in parsed.dataset.collections for _, f in col.leaves() if f.personal for c in f.categories}
    missing = sorted(c for c in personal if not any(c == d or c.startswith(d + ".") for d in processor.data_categories))
    if missing:
        yield document.problem(
            ("data_categories",),
            f"the dataset holds {', '.join(missing)}, which the register does not list.",
            "add them: the record of processing would be incomplete (Art. 30(1)(c)).",
        )
    if settings.key is None:
        yield from _key_needed(document, parsed, processor)


def _stopped(document: Document, processor: Processor, dataset: Dataset) -> Iterator[Problem]:
    """Each purpose that may be objected to, or whose consent may be withdrawn, has a way to be stopped."""
    rules = [r for c in dataset.collections for r in c.suppress]
    for i, purpose in enumerate(processor.purposes):
        if purpose.lawful_basis in _MAY_END and not rules_for(rules, purpose.use):
            yield document.problem(
                ("purposes", i),
                f"nothing in the dataset says how processing for {purpose.use} is stopped.",
                "add `suppress: [{purpose, flag}]` or `[{purpose, insert}]` to a collection, or drop the verb.",
            )


_MAY_END = frozenset({LawfulBasis.CONSENT, LawfulBasis.LEGITIMATE_INTERESTS, LawfulBasis.PUBLIC_TASK})
"""Art. 7(3), 21(1)."""


def _named_purposes(document: Document, processor: Processor, dataset: Dataset) -> Iterator[Problem]:
    known = {p.use for p in processor.purposes}
    named = {use for c in dataset.collections for use in c.purposes}
    named |= {use for c in dataset.collections for _, f in c.leaves() for use in f.purposes}
    if unknown := sorted(named - known):
        yield document.problem(
            ("purposes",),
            f"the dataset says that data serves {', '.join(unknown)}, which the register does not list.",
            "add the purpose with its lawful basis, or correct the dataset.",
        )


def _key_needed(document: Document, parsed: Parsed, processor: Processor) -> Iterator[Problem]:
    assert parsed.dataset is not None
    graph = Graph(parsed.dataset, processor.identities)
    fields = [(c, f) for c in parsed.dataset.collections for _, f in c.leaves() if c.name in graph.reached]
    why = None
    if Verb.RECTIFY in processor.capabilities.verbs:
        why = "the hash over a corrected value, given as evidence, could be reversed by trying"
    elif any(f.method is FieldMethod.PSEUDONYMISE for _, f in fields):
        why = "pseudonyms are keyed"
    elif any(
        f.primary_key and (f.identity or any(c.startswith(_IDENTIFYING) for c in f.categories)) for _, f in fields
    ):
        why = "a primary key is itself an identifier, and a plain hash over it could be reversed by trying"
    if why is not None:
        yield document.problem(
            ("connector",), f"it needs a `key`: {why}.", "add `key: env:NAME` with a random secret of 32 bytes or more."
        )


def _identifies(field: Field) -> bool:
    return field.identity is not None or any(c.startswith(_IDENTIFYING) for c in field.categories)


def check_names(document: Document, processor: Processor, file_stem: str) -> Iterator[Problem]:
    if processor.id == PACKAGE_PROCESSOR:
        yield document.problem(("processor",), f"{PACKAGE_PROCESSOR} is reserved.", "choose another name.")
    if processor.id != file_stem:
        yield document.problem(
            ("processor",),
            f"the file is {file_stem}.yaml.",
            f"name the file {processor.id}.yaml: one processor per file.",
        )
    if Verb.VERIFY not in processor.capabilities.verbs and processor.verification.required:
        yield document.problem(
            ("verification",),
            "verification is required, but the processor cannot verify.",
            "add `verify` to its verbs, or say `verification: {excepted: {ground, article, reason}}`.",
        )
