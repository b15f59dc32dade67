"""Rules of the SQL connector that need no database: order, graph, pseudonyms, generated SQL, documentation."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lethe_processors.connector import Answer
from lethe_processors.credentials import Credentials
from lethe_processors.dataset import Graph
from lethe_processors.dataset.model import Collection, Dataset, Direction, Field, Match, Reference
from lethe_processors.dataset.ordering import components
from lethe_processors.errors import CredentialMissing
from lethe_processors.register import check_register, load_register
from lethe_processors.sql import names
from lethe_processors.sql.catalog import Column, ForeignKey
from lethe_processors.sql.codes import answer_of
from lethe_processors.sql.order import deletion_order
from lethe_processors.sql.orphans import Looks, Orphans
from lethe_processors.sql.pseudonym import pseudonym
from lethe_processors.sql.records import record_of
from lethe_processors.sql.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
NODES = st.sampled_from("abcdefg")


@given(st.dictionaries(NODES, st.sets(NODES)))
def test_components_come_after_what_they_lead_to_and_hold_what_leads_back(arrows: dict[str, set[str]]) -> None:
    nodes = set(arrows) | {n for targets in arrows.values() for n in targets}
    found = components(nodes, arrows)
    assert sorted(n for c in found for n in c) == sorted(nodes)
    place = {n: i for i, c in enumerate(found) for n in c}
    reach = {n: _closure(n, arrows) for n in nodes}
    for node in nodes:
        for other in arrows.get(node, ()):
            assert place[other] <= place[node]
        for other in nodes:
            together = other in reach[node] and node in reach[other]
            assert (place[node] == place[other]) == (together or node == other)


def _closure(start: str, arrows: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    frontier = [start]
    while frontier:
        for other in arrows.get(frontier.pop(), ()):
            if other not in found:
                found.add(other)
                frontier.append(other)
    return found


class Table:
    def __init__(self, *, nullable: bool = True) -> None:
        self._nullable = nullable

    def nullable(self, _: tuple[str, ...]) -> bool:
        return self._nullable


def key(source: str, target: str, *, deferrable: bool = False) -> ForeignKey:
    return ForeignKey(
        name=f"{source}_{target}",
        quoted_name=f"{source}_{target}",
        source=source,
        source_table=source,
        source_columns=(target,),
        target=target,
        target_columns=("id",),
        on_delete="a",
        deferrable=deferrable,
        enforced=True,
        readable=True,
    )


def graph(*references: tuple[str, str, str], **more: object) -> Graph:
    """`(holder, target, direction)`; each collection has `id`, a field per target, and `root` the identity."""
    held = sorted({n for h, t, _ in references for n in (h, t)} | {"root"})
    made = []
    for name in held:
        fields = [Field("id", primary_key=True)]
        if name == "root":
            fields.append(Field("email", categories=("user.contact.email",), identity="email"))
        fields += [
            Field(t, references=(Reference(t, "id", Direction(d.removesuffix("!"))),), owner=not d.endswith("!"))
            for h, t, d in references
            if h == name
        ]
        made.append(Collection(name, tuple(fields)))
    return Graph(Dataset("tiny", tuple(made)), ["email"])


def test_referring_rows_go_before_those_they_refer_to() -> None:
    tables = {n: Table() for n in ("fines", "loans", "members")}
    order = deletion_order([], [key("loans", "members"), key("fines", "loans")], tables)
    assert order.collections == ("fines", "loans", "members")
    assert (order.nulled, order.deferred, order.unbreakable) == ((), (), ())


def test_a_circle_is_opened_by_nulling_rather_than_deferring_and_else_told() -> None:
    keys = [key("cards", "members"), key("members", "cards")]
    edges = graph(("cards", "members", "from"), ("members", "cards", "from")).edges
    nullable = {"cards": Table(nullable=False), "members": Table()}
    order = deletion_order(edges, keys, nullable)
    assert [(e.holder, e.target) for e in order.nulled] == [("members", "cards")]
    assert order.collections == ("cards", "members")
    rigid = {"cards": Table(nullable=False), "members": Table(nullable=False)}
    assert deletion_order(edges, [keys[0], key("members", "cards", deferrable=True)], rigid).deferred == (
        "members_cards",
    )
    assert {k.name for k in deletion_order(edges, keys, rigid).unbreakable} == {"cards_members", "members_cards"}


def test_a_reference_without_a_constraint_orders_but_never_makes_a_circle() -> None:
    tables = {n: Table() for n in ("homes", "links")}
    edges = graph(("links", "homes", "to")).edges
    assert deletion_order(edges, [], tables).collections == ("links", "homes")
    both = graph(("links", "homes", "to"), ("homes", "links", "from")).edges
    assert deletion_order(both, [key("homes", "links")], tables).collections == ("homes", "links")


def test_shared_rows_lead_no_further_and_mentions_lead_nowhere() -> None:
    made = graph(
        *[("links", "root", "from"), ("links", "homes", "to"), ("letters", "homes", "from")],
        *[("friends", "root", "from!"), ("notes", "friends", "from")],
    )
    assert made.reached == {"root", "links", "homes"}
    assert [(e.holder, e.target) for e in made.mentions] == [("friends", "root")]
    assert made.is_shared("homes")


def test_a_field_carries_what_it_refers_to_and_what_its_category_says() -> None:
    root = Collection(
        "root",
        (
            Field("no", primary_key=True, identity="customer_id", categories=("user.unique_id",)),
            Field("email", identity="email", categories=("user.contact.email",)),
        ),
    )
    reference = (Reference("root", "no", Direction.FROM),)
    order = Collection(
        "orders",
        (
            Field("id", primary_key=True, categories=("user.unique_id",)),  # too broad to say which kind
            Field("root_no", references=reference),
            Field("mail", categories=("user.contact.email.work",)),
            Field("mailing", categories=("user.contact.emailing",)),  # whole segments only
        ),
    )
    made = Graph(Dataset("tiny", (root, order)), ["customer_id", "email"])
    found = {(c.collection, c.path[0], c.kind, c.match) for c in made.carriers if c.collection == "orders"}
    assert found == {("orders", "root_no", "customer_id", Match.EXACT), ("orders", "mail", "email", Match.CASEFOLD)}


def column(type_: str, length: int | None = None) -> Column:
    return Column("c", type_, not_null=True, generated=False, max_length=length, can_select=True, can_update=True)


EMAIL = Field("c", categories=("user.contact.email",))


@pytest.mark.parametrize(
    ("column_", "field", "pattern"),
    [
        (column("text"), EMAIL, r"[0-9a-f]{24}@pseudonym\.invalid"),
        (column("character varying", 32), EMAIL, r"[0-9a-f]{14}@pseudonym\.invalid"),
        (column("character varying", 20), EMAIL, r"p-[0-9a-f]{18}"),
        (column("character", 2), EMAIL, r"[0-9a-f]{2}"),
        (column("text"), Field("c", categories=("user.contact.phone_number",)), r"\+999\d{12}"),
        (column("uuid"), EMAIL, r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        (column("smallint"), EMAIL, r"\d{1,5}"),
        (column("date"), EMAIL, r"19\d\d-\d\d-\d\d"),
    ],
)
def test_a_pseudonym_fits_its_column(column_: Column, field: Field, pattern: str) -> None:
    made = pseudonym(b"k" * 32, "members", field, column_, (7,))
    assert re.fullmatch(pattern, str(made))
    assert made == pseudonym(b"k" * 32, "members", field, column_, (7,))


def test_a_pseudonym_depends_on_key_and_place() -> None:
    def made(key_: bytes = b"k" * 32, collection: str = "members", row: int = 7) -> object:
        return pseudonym(key_, collection, EMAIL, column("text"), (row,))

    assert len({made(), made(b"l" * 32), made(collection="others"), made(row=8)}) == 4


def test_names_and_literals_cannot_break_out() -> None:
    assert names.ident('a"b') == '"a""b"'
    assert names.literal("it's") == "'it''s'"
    assert names.literal("a\\'b") == "E'a\\\\''b'"
    assert names.table("sales.orders", "shop") == '"sales"."orders"'
    assert names.table("orders", "shop") == '"shop"."orders"'
    assert names.json_path(("details", 'a"b')) == '\'$."a\\\\"b"\'::jsonpath'.replace("'$", "E'$")


def test_hidden_keys_are_taken_out_of_every_element() -> None:
    fields = (Field("id"), Field("details", nested=(Field("talk", nested=(Field("who"),)),)))
    value = {"talk": [{"who": "a", "what": 1}, {"who": "b"}], "kept": True}
    record, left_out = record_of(fields, (1, value), {("details", "talk", "who")})
    assert record == {"id": 1, "details": {"talk": [{"what": 1}, {}], "kept": True}}
    assert left_out == {"details.talk.who"}
    assert value["talk"] == [{"who": "a", "what": 1}, {"who": "b"}]


def test_the_last_end_is_told_and_none_if_one_is_open() -> None:
    from lethe_processors.dataset.model import Retain

    rule = Retain("legal_claims", "GDPR Art. 17(3)(e)", "user.financial")
    tally = Tally()
    tally.keep("loans", rule, (1,), datetime(2030, 1, 1, tzinfo=UTC))
    tally.keep("loans", rule, (2,), datetime(2031, 1, 1, tzinfo=UTC))
    assert tally.retained()[0].until == datetime(2031, 1, 1, tzinfo=UTC)
    tally.keep("loans", rule, (3,), None)
    [kept] = tally.retained()
    assert (kept.rows, kept.until) == (3, None)


def test_no_word_of_the_servers_message_gets_into_an_answer() -> None:
    error = asyncpg.UniqueViolationError("Key (email)=(someone@people.example) already exists.")
    assert answer_of(error) == Answer.permanent("value_not_unique")
    assert answer_of(asyncpg.DeadlockDetectedError("x")) == Answer.transient("deadlock")


def test_credentials_are_references(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" postgresql://x \n")
    credentials = Credentials({"DSN": " a ", "EMPTY": ""}, tmp_path)
    assert credentials.resolve("env:DSN") == "a"
    assert credentials.resolve("file:secret") == "postgresql://x"
    for reference in ("env:MISSING", "env:EMPTY", "file:missing", "plain"):
        with pytest.raises(CredentialMissing, match=re.escape(reference)):
            credentials.resolve(reference)


def yaml_blocks(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


def test_the_minimal_example_of_the_documentation_loads(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "library.yaml").write_text(yaml_blocks("register.md")[0])
    (tmp_path / "datasets" / "library.yaml").write_text(yaml_blocks("datasets.md")[0])
    assert [str(p) for p in check_register(tmp_path)] == []
    assert load_register(tmp_path).processors["library"].identities == ("email",)


def test_the_retention_example_of_the_documentation_is_understood() -> None:
    from lethe_processors.dataset.sections import CollectionSection

    loans, payments = yaml.safe_load(yaml_blocks("datasets.md")[1])
    rule = CollectionSection.model_validate(loans["lethe"]).retain
    assert rule is not None
    assert rule.build().period == "P10Y"
    borrowed = CollectionSection.model_validate(payments["lethe"]).retain
    assert borrowed is not None
    assert borrowed.build().like == "loan_id"


async def test_calls_share_a_look_that_begins_after_them_and_no_earlier_one() -> None:
    looks, begun = Looks(), 0
    gate = asyncio.Event()

    async def look() -> Orphans:
        nonlocal begun
        begun += 1
        mine = begun
        await gate.wait()
        return Orphans(Counter({"look": mine}), ignored=False)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(looks.after_now(look))
        await asyncio.sleep(0)
        late = [group.create_task(looks.after_now(look)) for _ in range(3)]  # the first look may have missed theirs
        await asyncio.sleep(0)
        gate.set()
    assert first.result().counts["look"] == 1
    assert [t.result().counts["look"] for t in late] == [2, 2, 2]
    assert (await looks.after_now(look)).counts["look"] == 3
