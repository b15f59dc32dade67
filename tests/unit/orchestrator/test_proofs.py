"""Chains, certificates, seals and recorded histories: whatever is changed in them shows."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from lethe_events.canonical import GENESIS, canonical
from lethe_events.words import Grade, Right
from lethe_testkit.sagas import KEPT, NEXT_VERSION, VERSION, Given, read_history, rules
from orchestrator.adapters.signing import Ed25519Signer, holds
from orchestrator.domain import audit
from orchestrator.domain.certificate import NOT_PROVEN, certificate
from orchestrator.domain.errors import HistoryBroken
from orchestrator.domain.merkle import Leaf, included, path, root
from orchestrator.domain.replay import replay
from orchestrator.domain.retry import RetryPolicy, relook_at
from orchestrator.domain.rules import Reach, Unverifiable, cycle
from orchestrator.domain.saga import Task

HISTORIES = Path(__file__).parents[2] / "sagas" / "histories"
NOBODY_LOOKS = Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api")
REGISTERS = {
    VERSION: {
        "shop": rules("shop"),
        "crm": rules("crm", after=("shop",)),
        "vendor": rules("vendor", deletion_lag=timedelta(days=30)),
        "post": rules("post", unverifiable=NOBODY_LOOKS),
        "app": rules("app", reach=Reach.KAFKA, identities=("email",)),
        "strict": rules("strict", retries=RetryPolicy(max_attempts=2)),
    },
    NEXT_VERSION: {"new": rules("new", register_version=NEXT_VERSION)},
}


def closed(*processors, **more):
    given = Given().received(**more).whatever().planned(*processors).whatever()
    for p in processors:
        given.acked(f"erase@{p.processor_id}", "retained").whatever()
        if p.unverifiable is None:
            given.acked(f"verify@{p.processor_id}", "retained").whatever()
    return given.expect_state("closed")


class TestChain:
    def test_a_whole_chain_has_its_head(self):
        given = closed(rules("shop"))
        assert audit.check(given.links) == given.links[-1].hash
        assert audit.check([]) == GENESIS

    @pytest.mark.parametrize("at", range(4))
    def test_a_change_in_any_link_shows(self, at):
        links = closed(rules("shop")).links
        links[at] = links[at]._replace(content=links[at].content.replace("acme", "emca").replace("T10", "T11"))
        with pytest.raises(HistoryBroken, match=f"link {at + 1}"):
            audit.check(links)

    def test_a_forged_link_breaks_the_one_after_it(self):
        links = closed(rules("shop")).links
        content = json.loads(links[2].content) | {"kind": "nothing"}
        links[2] = audit.forge(links[2].saga_id, 3, links[1].hash, content)
        with pytest.raises(HistoryBroken, match="link 4"):
            audit.check(links)

    def test_an_omitted_or_exchanged_link_shows(self):
        links = closed(rules("shop")).links
        with pytest.raises(HistoryBroken, match="link 2"):
            audit.check([links[0], *links[2:]])
        with pytest.raises(HistoryBroken):
            audit.check([links[0], links[2], links[1], *links[3:]])

    def test_another_sagas_chain_does_not_fit(self):
        links = [link._replace(saga_id=UUID(int=5)) for link in closed(rules("shop")).links]
        with pytest.raises(HistoryBroken):
            audit.check(links)

    def test_the_record_holds_no_token(self):
        given = Given().received().whatever()
        given.planned(REGISTERS[VERSION]["app"], tokens={"app": ("s3cret" * 6,)}).whatever()
        assert "s3cret" not in "".join(given.history())


class TestCertificate:
    def content(self, given):
        return certificate(given.saga, links=len(given.links), head=given.links[-1].hash)

    def test_it_says_what_was_done_kept_and_not_proven(self):
        given = closed(rules("shop"), rules("post", unverifiable=NOBODY_LOOKS), identifier_kinds=("phone_number",))
        found = self.content(given)
        assert {p["processor"]: p["verdict"] for p in found["processors"]} == {
            "shop": "proven",
            "post": "unverifiable",
        }
        assert [k["collection"] for k in found["kept"]] == ["invoices", "invoices"]
        assert found["kept"][0]["article"] == KEPT.article
        assert found["result"] == "partially_granted"
        assert found["registers"] == [VERSION]
        codes = {(n["code"], n.get("processor")) for n in found["not_proven"]}
        assert {("unregistered_systems", None), ("backups", None), ("unverifiable", "post")} <= codes
        assert all(n["meaning"] for n in found["not_proven"])
        assert found["clock"]["derivation"]["rule_version"]

    def test_it_names_exceptions_with_both_people(self):
        given = Given().received().whatever().planned(rules("shop")).whatever()
        given.proposed("erase@shop").whatever().approved("erase@shop").whatever()
        found = self.content(given)["exceptions"]
        assert {(e["verb"], e["proposed_by"], e["approved_by"]) for e in found} == {
            ("erase", "kim", "robin"),
            ("verify", "kim", "robin"),
        }

    def test_a_word_alone_is_shown_as_such(self):
        given = Given().received().whatever().planned(rules("shop")).whatever()
        given.acked("erase@shop", "done").whatever()
        given.acked("verify@shop", "nothing_found", grade=Grade.ATTESTED).whatever()
        assert "attested" in {n["code"] for n in self.content(given)["not_proven"]}

    def test_a_kafka_native_processor_cannot_claim_that_it_was_reread(self):
        app = rules("app", reach=Reach.KAFKA)
        given = Given().received().whatever().planned(app, tokens={"app": ("t" * 43,)}).whatever()
        given.acked("erase@app", "done", grade=Grade.CRYPTO_SHREDDED).whatever()
        given.acked("verify@app", "nothing_found", grade=Grade.REREAD_ABSENT).whatever()
        (processor,) = self.content(given)["processors"]
        assert {t["grade"] for t in processor["tasks"]} == {"confirmed_by_api"}

    def test_what_a_person_could_not_be_found_by_is_told(self):
        shop = rules("shop", identities=("email",))
        given = Given().received(identifier_kinds=("phone_number",)).whatever().planned(shop).whatever()
        given.acked("erase@shop", "nothing_found").whatever().acked("verify@shop", "nothing_found").whatever()
        assert {"not_searchable"} <= {n["code"] for n in self.content(given)["not_proven"]}

    def test_only_the_key_that_signed_it_vouches_for_it_and_only_as_it_was(self):
        signer, other = (Ed25519Signer(Ed25519PrivateKey.generate()) for _ in range(2))
        content = self.content(closed(rules("shop")))
        signature = {"alg": "Ed25519", "key_id": signer.key_id, "value": signer.sign(canonical(content))}
        document = canonical({"certificate": content, "signature": signature}).decode()
        assert holds(document, signer.public_pem)
        assert not holds(document, other.public_pem)
        for was, now in (('"rows":2', '"rows":1'), ('"proven"', '"excepted"'), ('"late":false', '"late":true')):
            assert was in document
            assert not holds(document.replace(was, now, 1), signer.public_pem)
        assert holds(json.dumps(json.loads(document), indent=2), signer.public_pem), "layout does not matter"

    def test_every_doubt_has_its_meaning(self):
        assert all(NOT_PROVEN.values())


class TestMerkle:
    @hypothesis_given(count=st.integers(1, 40), data=st.data())
    def test_every_leaf_is_provable_and_no_other_one(self, count, data):
        leaves = [Leaf(UUID(int=n), n, bytes([n]) * 32) for n in range(count)]
        index = data.draw(st.integers(0, count - 1))
        top, proof = root(leaves), path(leaves, index)
        assert included(leaves[index], index, count, proof, top)
        assert not included(leaves[index]._replace(seq=99), index, count, proof, top)
        assert not included(leaves[index], index, count, [*proof, "00" * 32], top)
        if count > 1:
            assert not included(leaves[index], (index + 1) % count, count, proof, top)
            assert root(leaves[:-1]) != top

    def test_nothing_has_no_root(self):
        with pytest.raises(ValueError, match="without leaves"):
            root([])


class TestHistories:
    @pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.jsonl")), ids=lambda p: p.stem)
    def test_a_recorded_saga_is_decided_today_as_it_was_then(self, file):
        lines = read_history(file.read_text())
        if file.stem.startswith("broken_"):
            with pytest.raises(HistoryBroken):
                replay(lines, REGISTERS)
        else:
            assert replay(lines, REGISTERS) is not None

    def test_histories_are_there_and_one_of_them_must_fail(self):
        names = {p.stem for p in HISTORIES.glob("*.jsonl")}
        assert len(names) >= 6
        assert any(n.startswith("broken_") for n in names)

    def test_the_state_at_a_past_moment_can_be_told(self):
        given = Given().received().whatever().planned(rules("shop")).whatever().pass_time(minutes=1)
        given.acked("erase@shop", "done").whatever().pass_time(minutes=1)
        given.acked("verify@shop", "nothing_found").whatever()
        moment = given.now - timedelta(minutes=1, seconds=30)
        assert replay(given.history(), REGISTERS, until=moment).state == "fulfilling"
        assert replay(given.history(), REGISTERS).state == "closed"

    def test_a_kind_that_nobody_knows_is_refused(self):
        line = json.dumps({"saga": str(UUID(int=1)), "seq": 1, "at": "2026-01-01T00:00:00Z", "kind": "x", "event": {}})
        with pytest.raises(HistoryBroken, match="no event of kind"):
            replay([line], REGISTERS)


class TestRules:
    def test_back_off_grows_to_its_bound(self):
        policy = RetryPolicy()
        seconds = [policy.delay(n, UUID(int=0)).total_seconds() for n in range(1, 11)]
        assert seconds == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
        assert policy.delay(10_000, UUID(int=1023)) >= timedelta(seconds=225)

    def test_looks_end_with_the_deletion_lag(self):
        given = Given()
        gone_by = given.now + timedelta(days=30)
        at, looks = given.now, 0
        while at is not None and looks < 100:
            following = relook_at(at, looks, RetryPolicy(), gone_by)
            assert following is None or at < following <= gone_by
            at, looks = following, looks + 1
        assert 20 < looks < 60

    def test_processors_that_wait_for_each_other_are_found(self):
        assert cycle([rules("a", after=("b",)), rules("b", after=("c",)), rules("c", after=("a",))]) == ("a", "b", "c")
        assert (
            cycle([rules("a", after=("b", "c")), rules("b", after=("c",)), rules("c"), rules("d", after=("x",))])
            is None
        )

    def test_a_right_that_needs_no_copy_makes_none(self):
        given = Given().received(Right.ERASURE).whatever().planned(rules("shop")).whatever()
        assert {t.verb.value for t in given.saga.tasks.values()} == {"erase", "verify"}
        assert all(isinstance(t, Task) for t in given.saga.tasks.values())
