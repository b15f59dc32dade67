"""The ladder as policy: by shares of the time used, by the policy of the day of receipt, each rung once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from lethe_delivery.oncall import alertmanager, pagerduty
from lethe_law.escalation import Caller, Rung
from lethe_testkit.sagas import NOW, RETENTION, VERSION, Given, rules
from orchestrator.adapters.calls import alert_of
from orchestrator.adapters.escalation_policy import EscalationRefused, read_escalation
from orchestrator.application.calling import CallOut
from orchestrator.domain.certificate import certificate
from orchestrator.domain.escalation import Ladder, Ladders, next_call
from orchestrator.domain.replay import replay
from orchestrator.domain.timers import next_moment

SHOP = rules("shop")
LADDER = Ladder(
    "p1",
    (
        Rung("half_used", Caller.OWNER, share=Decimal("0.5")),
        Rung("nine_tenths_used", Caller.ON_CALL, share=Decimal("0.9")),
    ),
)
GOOD = """
receivers:
  - {name: pager, shape: pagerduty, url: "https://pager.example/v2/enqueue", key: "env:PAGER_KEY", calls: [on_call]}
  - {name: team, shape: alertmanager, url: "https://am.example/api/v2/alerts", calls: [owner], controllers: [acme]}
policies:
  - controller: "*"
    effective: 2026-01-01
    version: standard
    rungs: [{name: half_used, share: 0.5, calls: owner}, {name: due, share: 1, calls: on_call}]
  - {controller: acme, effective: 2026-01-01, version: acme_1, rungs: [{name: a, share: 0.1, calls: owner}]}
  - {controller: acme, effective: 2026-06-01, version: acme_2, rungs: [{name: b, share: 0.2, calls: owner}]}
"""


def open_saga(ladder=LADDER):
    given = Given().received().whatever().planned(SHOP).whatever()
    given.ladder = ladder
    return given


def rang(given):
    return [] if given.saga.beside is None else [(r.rung, r.calls) for r in given.saga.beside.rang]


def test_each_rung_rings_once_at_its_share_of_the_time():
    given = open_saga().pass_time(days=15).whatever()
    assert rang(given) == []
    given.pass_time(days=2).whatever()
    assert rang(given) == [("half_used", "owner")]
    given.pass_time(days=1).whatever().pass_time(days=60).whatever()
    assert rang(given) == [("half_used", "owner"), ("nine_tenths_used", "on_call")]
    assert replay(given.history(), {VERSION: {"shop": SHOP}}) == given.saga


def test_after_an_outage_all_that_was_due_rings_with_the_moment_it_was_set_for():
    given = open_saga().pass_time(days=90).whatever()
    assert [r for r, _ in rang(given)] == ["half_used", "nine_tenths_used"]
    due = [line for line in given.history() if '"kind":"escalated"' in line]
    assert len(due) == 2
    assert all('"late_s"' not in line and '"due_at":"2026-0' in line for line in due)


def test_an_answer_ends_the_ladder():
    given = open_saga()
    given.acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
    assert next_call(given.saga, LADDER) is None
    given.escalated().expect_ignored()


def test_an_extension_puts_off_what_has_not_rung_and_takes_nothing_back():
    given = open_saga().pass_time(days=17).whatever()
    before = next_call(given.saga, LADDER)
    given.extended().whatever()
    assert next_call(given.saga, LADDER) > before
    assert rang(given) == [("half_used", "owner")]
    given.escalated("half_used").expect_ignored()


def test_a_rung_is_the_next_moment_of_a_saga_where_nothing_is_earlier():
    given = Given().received(identity="in_doubt").whatever()
    early = Ladder("p1", (Rung("first", Caller.OWNER, share=Decimal("0.01")),))
    moment = next_moment(given.saga, RETENTION, early)
    assert (moment.kind, moment.due_at) == ("call", next_call(given.saga, early))
    assert next_moment(given.saga, RETENTION).kind == "alarm"


def test_the_certificate_tells_who_was_called():
    given = open_saga().pass_time(days=17).whatever()
    told = certificate(given.saga, links=1, head="0" * 64)["escalations"]
    assert [(r["rung"], r["calls"], r["policy"]) for r in told] == [("half_used", "owner", "p1")]


def test_a_request_goes_by_the_policy_of_the_day_on_which_it_was_received():
    one, two = Ladder("one", LADDER.rungs), Ladder("two", LADDER.rungs)
    ladders = Ladders({"acme": ((date(2026, 4, 1), two), (date(2026, 3, 5), one))}, ((date(2020, 1, 1), LADDER),))
    assert ladders.of(open_saga().saga).version == "one"
    assert Ladders({"acme": ((date(2026, 3, 6), two),)}).of(open_saga().saga) is None
    assert Ladders({"beta": ((date(2020, 1, 1), two),)}, ((date(2020, 1, 1), LADDER),)).of(open_saga().saga) is LADDER


@settings(max_examples=50, deadline=None)
@drawn(st.lists(st.decimals("0.01", "2", places=2), min_size=1, max_size=6, unique=True), st.data())
def test_whatever_the_ladder_and_the_pauses_every_rung_rings_once_and_never_early(shares, data):
    ladder = Ladder("p", tuple(Rung(f"r{s}", Caller.OWNER, share=s) for s in sorted(shares)))
    given = open_saga(ladder)
    for _ in range(data.draw(st.integers(1, 6))):
        given.pass_time(days=data.draw(st.integers(1, 30))).whatever()
        for row in () if given.saga.beside is None else given.saga.beside.rang:
            share = Decimal(row.rung[1:])
            span = (given.saga.clock.due_strict - given.saga.received_at).total_seconds()
            assert (row.at - given.saga.received_at).total_seconds() >= float(share) * span - 1
    given.pass_time(days=100).whatever()
    assert sorted(r for r, _ in rang(given)) == sorted(r.name for r in ladder.rungs)


# -- the file


def test_a_good_file_is_read_with_its_keys(tmp_path, monkeypatch):
    monkeypatch.setenv("PAGER_KEY", "k1")
    path = tmp_path / "escalation.yaml"
    path.write_text(GOOD)
    ladders, receivers = read_escalation(path)
    assert [(since.month, ladder.version) for since, ladder in ladders.own["acme"]] == [(6, "acme_2"), (1, "acme_1")]
    assert [ladder.version for _, ladder in ladders.others] == ["standard"]
    assert [(r.name, r.key) for r in receivers] == [("pager", "k1"), ("team", "")]
    assert [r.name for r in receivers if r.takes("beta", "owner")] == []
    assert read_escalation(None)[1] == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("share: 0.5", "share: 1.5", "shares have to grow"),
        ("share: 0.5", "share: 0", "greater than 0"),
        ("share: 0.5", "share: half", "share"),
        ("{name: due, share: 1", "{name: half_used, share: 1", "name of its own"),
        ("calls: owner}, {name: due", "calls: nobody}, {name: due", "calls"),
        ("2026-06-01", "2026-01-01", "same date"),
        ("acme_2", "acme_1", "version of its own"),
        ("effective: 2026-01-01\n", "effective: soon\n", "effective"),
        ("policies:", "ladders:", "ladders"),
        ("name: team", "name: pager", "same name"),
        ("https://am.example", "am.example", "url"),
        ("shape: pagerduty", "shape: smoke", "shape"),
        ("env:PAGER_KEY", "env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE"),
        ("receivers:", "receivers: [", "YAML"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_nobody_is_called_by_half_of_it(old, new, said, tmp_path, monkeypatch):
    monkeypatch.setenv("PAGER_KEY", "k1")
    path = tmp_path / "escalation.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(EscalationRefused, match=said):
        read_escalation(path)


def test_the_example_is_a_good_file(request):
    ladders, _ = read_escalation(request.config.rootpath / "examples" / "escalation.yaml")
    assert [r.calls for r in ladders.others[0][1].rungs] == ["owner", "privacy_team", "on_call", "on_call"]


# -- what is said


def test_a_call_says_which_request_and_how_long_and_nothing_of_the_person():
    saga_id = open_saga().saga.id
    call = CallOut(1, saga_id, "acme", "due", "on_call", "pager", NOW, NOW, NOW + timedelta(days=3))
    alert = alert_of(call)
    (body,) = alertmanager(alert)
    assert body["labels"] == {
        "alertname": "LetheRequestEscalated",
        "severity": "critical",
        "controller": "acme",
        "dsr": str(saga_id),
        "rung": "due",
        "calls": "on_call",
    }
    event = pagerduty(alert, "k1")
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == (
        "k1",
        "trigger",
        f"lethe-dsr-{saga_id}",
    )
    assert "2026-03-08 10:15 UTC" in event["payload"]["summary"]
    assert datetime.fromisoformat(event["payload"]["timestamp"]) == NOW.astimezone(UTC)
