"""Findings of monitoring tools become signals that name no person; what is malformed is refused, field by field."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from intake.domain.errors import InvalidSubmission
from intake.domain.findings import Form, signals_of

OCSF = {
    "class_uid": 2004,
    "activity_id": 1,
    "time": 1_791_508_500_000,
    "severity_id": 4,
    "finding_info": {
        "uid": "f-17",
        "title": "Brute force",
        "attacks": [{"technique": {"uid": "T1110.003"}}],
        "analytic": {"name": "Many failed logins"},
    },
    "resources": [{"uid": "db/orders", "name": "orders"}],
    "actor": {"user": {"uid": "u-9", "name": "Mina Moth"}},
    "metadata": {"product": {"name": "siem"}},
}
FALCO = {
    "rule": "Read sensitive file untrusted",
    "priority": "Critical",
    "time": "2026-10-09T01:15:00.123456789Z",
    "hostname": "node-1",
    "output": "Mina Moth opened /etc/shadow",
    "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "api-0", "user.name": "mina"},
    "tags": ["filesystem", "mitre_credential_access", "T1213"],
}
LETHE = {
    "signal_id": "018f3c5e-7a10-7c3e-9a51-1e7e00000001",
    "rule": "login.failed",
    "asset": "shop/login",
    "at": "2026-10-09T03:15:00+02:00",
    "actor": "mina",
}


def of(form, *findings):
    return signals_of(form, findings, controller_id="acme", source="siem", naming=lambda name: "t" * (30 + len(name)))


def faults(form, *findings):
    with pytest.raises(InvalidSubmission) as refused:
        of(form, *findings)
    return [fault.field for fault in refused.value.faults]


def test_an_ocsf_finding_becomes_a_signal_with_its_asset_rule_and_severity():
    (signal,) = of(Form.OCSF, OCSF)
    assert (signal.rule, signal.asset, signal.severity) == ("login.failed", "db/orders", 4)
    assert signal.at == datetime(2026, 10, 9, 1, 15, tzinfo=UTC)
    assert signal.finding is not None


def test_a_falco_alert_becomes_a_signal_about_its_pod():
    (signal,) = of(Form.FALCO, FALCO)
    assert (signal.rule, signal.asset, signal.severity) == ("reader.unusual", "shop/api-0", 5)
    assert signal.at == datetime(2026, 10, 9, 1, 15, 0, 123456, tzinfo=UTC)


def test_without_a_known_technique_a_signal_is_called_as_its_tool_calls_it():
    (signal,) = of(Form.FALCO, {**FALCO, "tags": []})
    assert signal.rule == "finding.read-sensitive-file-untrusted"


def test_a_signal_in_our_own_words_is_taken_as_it_is():
    (signal,) = of(Form.LETHE, LETHE)
    assert (str(signal.signal_id), signal.at) == (LETHE["signal_id"], datetime(2026, 10, 9, 1, 15, tzinfo=UTC))


@pytest.mark.parametrize(("form", "finding"), [(Form.OCSF, OCSF), (Form.FALCO, FALCO), (Form.LETHE, LETHE)])
def test_no_name_of_a_person_is_in_a_signal_and_the_same_finding_is_the_same_signal(form, finding):
    (signal,) = of(form, finding)
    assert "mina" not in repr(signal).lower()
    assert signal.actor is not None
    assert of(form, json.loads(json.dumps(finding))) == (signal,)


def test_a_finding_that_was_closed_is_nothing_new():
    assert of(Form.OCSF, {**OCSF, "activity_id": 3}) == ()


@pytest.mark.parametrize(
    ("form", "finding", "field"),
    [
        (Form.OCSF, "text", "findings[0]"),
        (Form.OCSF, {**OCSF, "class_uid": 1001}, "findings[0].class_uid"),
        (Form.OCSF, {**OCSF, "finding_info": []}, "findings[0].finding_info"),
        (Form.OCSF, {**OCSF, "finding_info": {"attacks": 3}}, "findings[0].finding_info.uid"),
        (Form.OCSF, {**OCSF, "severity_id": 7}, "findings[0].severity_id"),
        (Form.OCSF, {**OCSF, "time": "yesterday"}, "findings[0].time"),
        (Form.OCSF, {**OCSF, "resources": []}, "findings[0].resources"),
        (Form.OCSF, {**OCSF, "resources": [{"uid": "mina@people.example"}]}, "findings[0].resources"),
        (Form.FALCO, {**FALCO, "priority": "Loud"}, "findings[0].priority"),
        (Form.FALCO, {**FALCO, "rule": None}, "findings[0].rule"),
        (Form.FALCO, {**FALCO, "hostname": "", "output_fields": {}}, "findings[0].hostname"),
        (Form.LETHE, {**LETHE, "asset": ""}, "findings[0].asset"),
        (Form.LETHE, {**LETHE, "at": "2026-10-09T03:15:00"}, "findings[0].at"),
        (Form.LETHE, {**LETHE, "records": -1}, "findings[0].records"),
        (Form.LETHE, {**LETHE, "signal_id": "7"}, "findings[0].signal_id"),
        (Form.LETHE, {**LETHE, "rule": "Login Failed"}, "findings[0].rule"),
    ],
)
def test_what_is_malformed_is_refused_by_the_name_of_its_field(form, finding, field):
    assert faults(form, finding) == [field]


def test_every_finding_at_fault_is_told_with_its_place():
    assert faults(Form.LETHE, LETHE, {**LETHE, "asset": None}, 7) == ["findings[1].asset", "findings[2]"]


def test_odd_shapes_inside_a_finding_break_nothing():
    odd = {**OCSF, "actor": "x", "device": 3, "resources": [{"uid": 5, "name": "orders"}]}
    odd["finding_info"] = {"uid": "f", "attacks": [3, {"technique": 4}, {}], "analytic": None}
    (signal,) = of(Form.OCSF, odd)
    assert (signal.rule, signal.asset, signal.actor) == ("finding.unnamed", "orders", None)
