"""Findings of monitoring tools as security signals: OCSF detection findings, Falco alerts, and signals as they are.

What was found stays at its source. A signal has its hash, and instead of a name of an account or a person a token
that only this installation can make.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from intake.domain.errors import Fault, InvalidSubmission
from lethe_events import SecuritySignal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Naming = Callable[[str], str]

_NAMESPACE: Final = UUID("6f1c6f0e-8f0b-5b53-9a51-1e7e00000b02")
_ASSET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
DETECTION_FINDING: Final = 2004
_CLOSED: Final = 3
"""OCSF activity_id of a finding that was closed: nothing new was seen."""
_OTHER: Final = 99
_FATAL: Final = 6

BY_TECHNIQUE: Final[Mapping[str, str]] = {
    "T1110": "login.failed",  # brute force
    "T1078": "login.succeeded",  # valid accounts
    "T1020": "export.mass",  # automated exfiltration
    "T1041": "export.mass",  # exfiltration over the command channel
    "T1048": "export.mass",  # exfiltration over another protocol
    "T1567": "export.mass",  # exfiltration over a web service
    "T1213": "reader.unusual",  # data from information repositories
    "T1530": "bucket.public",  # data from cloud storage
}
"""MITRE ATT&CK technique (without its part after the point) → what a signal is called."""
PRIORITY: Final[Mapping[str, int]] = {
    "emergency": 6,
    "alert": 5,
    "critical": 5,
    "error": 4,
    "warning": 3,
    "notice": 2,
    "informational": 1,
    "info": 1,
    "debug": 1,
}
"""Falco's priority → OCSF's severity_id."""


class Form(StrEnum):
    LETHE = "lethe"
    OCSF = "ocsf"
    FALCO = "falco"


class _Bad(Exception):
    def __init__(self, field: str, message: str, fix: str) -> None:
        super().__init__(field)
        self.fault = Fault(field, message, fix)


def signals_of(
    form: Form, findings: Sequence[object], *, controller_id: str, source: str, naming: Naming
) -> tuple[SecuritySignal, ...]:
    """One signal per finding; closed ones give none. `naming`: makes a token of a name, the same for the same name.

    Raises InvalidSubmission with the first fault of each finding, by its place.
    """
    read = {Form.OCSF: of_ocsf, Form.FALCO: of_falco, Form.LETHE: of_lethe}[form]
    found, faults = [], []
    for place, finding in enumerate(findings):
        try:
            signal = read(_finding(finding), controller_id, source, naming)
        except _Bad as bad:
            field, message, fix = bad.fault
            faults.append(Fault(f"findings[{place}]{'.' if field else ''}{field}", message, fix))
        else:
            found += [] if signal is None else [signal]
    if faults:
        raise InvalidSubmission(faults)
    return tuple(found)


def _finding(found: object) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise _Bad("", "is not an object", "send one JSON object per finding, or a list of them")
    return found


def of_ocsf(found: Mapping[str, Any], controller_id: str, source: str, naming: Naming) -> SecuritySignal | None:
    """An OCSF detection finding (class_uid 2004)."""
    if found.get("class_uid") != DETECTION_FINDING:
        raise _Bad("class_uid", "is not that of a detection finding", f"send findings of class {DETECTION_FINDING}")
    if found.get("activity_id") == _CLOSED:
        return None
    info = _object(found, "finding_info", "every detection finding has one")
    uid = info.get("uid")
    if not isinstance(uid, str) or not uid:
        raise _Bad("finding_info.uid", "is missing", "it tells one finding from another")
    severity = found.get("severity_id", 0)
    if not isinstance(severity, int) or not (0 <= severity <= _FATAL or severity == _OTHER):
        raise _Bad("severity_id", "is not one of OCSF's", "use 0 to 6, or 99")
    resources = found.get("resources")
    first = resources[0] if isinstance(resources, list) and resources and isinstance(resources[0], dict) else {}
    device = found["device"] if isinstance(found.get("device"), dict) else {}
    names = (first.get("uid"), first.get("name"), device.get("uid"), device.get("hostname"))
    user = found.get("actor", {}).get("user", {}) if isinstance(found.get("actor"), dict) else {}
    techniques = [a.get("technique", {}).get("uid") for a in _objects(info.get("attacks"))]
    analytic = info["analytic"] if isinstance(info.get("analytic"), dict) else {}
    at = _millis(found.get("time"))
    return SecuritySignal(
        signal_id=uuid5(_NAMESPACE, f"{controller_id}/{source}/{uid}/{at.isoformat()}"),
        controller_id=controller_id,
        source=source,
        rule=_rule(techniques, analytic.get("name") or info.get("title")),
        asset=_asset(names, "resources", "name the resource (uid or name) or the device that it is about"),
        at=at,
        severity=0 if severity == _OTHER else severity,
        actor=_token(user.get("uid") or user.get("name"), naming) if isinstance(user, dict) else None,
        finding=_digest(found),
    )


def of_falco(found: Mapping[str, Any], controller_id: str, source: str, naming: Naming) -> SecuritySignal:
    """An alert as Falco's HTTP output sends it (`json_output: true`)."""
    rule = found.get("rule")
    if not isinstance(rule, str) or not rule:
        raise _Bad("rule", "is missing", "turn on Falco's json_output")
    priority = PRIORITY.get(str(found.get("priority", "")).lower())
    if priority is None:
        raise _Bad("priority", "is not one of Falco's", f"use one of {', '.join(PRIORITY)}")
    fields = found["output_fields"] if isinstance(found.get("output_fields"), dict) else {}
    pod = fields.get("k8s.pod.name")
    names = (
        f"{fields.get('k8s.ns.name')}/{pod}" if pod else None,
        fields.get("container.name"),
        fields.get("container.id"),
        found.get("hostname"),
    )
    tags = found.get("tags")
    digest = _digest(found)
    return SecuritySignal(
        signal_id=uuid5(_NAMESPACE, f"{controller_id}/{source}/{digest}"),
        controller_id=controller_id,
        source=source,
        rule=_rule(tags if isinstance(tags, list) else [], rule),
        asset=_asset(names, "hostname", "send hostname, or the fields of the container or pod"),
        at=_instant(found.get("time"), "time"),
        severity=priority,
        actor=_token(fields.get("user.name"), naming),
        finding=digest,
    )


def of_lethe(found: Mapping[str, Any], controller_id: str, source: str, naming: Naming) -> SecuritySignal:
    """A signal in Lethe's own words: signal_id, rule, asset, at; severity, actor, records if known."""
    rule, records, severity = found.get("rule"), found.get("records"), found.get("severity", 0)
    if not isinstance(rule, str) or not _CODE.fullmatch(rule):
        raise _Bad("rule", "is not a code", "what was seen in small letters, for example login.failed")
    if not isinstance(severity, int) or not 0 <= severity <= _FATAL:
        raise _Bad("severity", "is not one of 0 to 6", "use OCSF's severity_id")
    if records is not None and (not isinstance(records, int) or records < 0):
        raise _Bad("records", "is not a number of records", "a whole number from 0, or leave it out")
    try:
        signal_id = UUID(str(found.get("signal_id")))
    except ValueError:
        raise _Bad("signal_id", "is not a UUID", "give each signal one of its own, the same when sent again") from None
    return SecuritySignal(
        signal_id=signal_id,
        controller_id=controller_id,
        source=source,
        rule=rule,
        asset=_asset((found.get("asset"),), "asset", "a signal says which system, table, bucket or device it is about"),
        at=_instant(found.get("at"), "at"),
        severity=severity,
        actor=_token(found.get("actor"), naming),
        records=records,
        finding=_digest(found),
    )


def _rule(techniques: Sequence[object], name: object) -> str:
    """By technique of MITRE ATT&CK where there is one that says something; else the tool's own name as a code."""
    for technique in techniques:
        known = BY_TECHNIQUE.get(str(technique).upper().partition(".")[0])
        if known is not None:
            return known
    words = re.sub(r"[^a-z0-9]+", "-", str(name or "").lower()).strip("-")
    return f"finding.{words[:50].strip('-')}" if words else "finding.unnamed"


def _asset(names: Sequence[object], field: str, fix: str) -> str:
    given = [name for name in names if isinstance(name, str) and name]
    if not given:
        raise _Bad(field, "names no asset", fix)
    fit = next((name for name in given if _ASSET.fullmatch(name)), None)
    if fit is None:
        raise _Bad(field, "is no name of an asset", "letters, digits and _ . : / -, 128 at most, as in the inventory")
    return fit


def _object(found: Mapping[str, Any], name: str, fix: str) -> Mapping[str, Any]:
    value = found.get(name)
    if not isinstance(value, dict):
        raise _Bad(name, "is not an object", fix)
    return value


def _objects(value: object) -> list[Mapping[str, Any]]:
    listed = value if isinstance(value, list) else []
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("technique", {}), dict)]


def _millis(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**14:
        raise _Bad("time", "is not milliseconds since 1970", "send OCSF's time as a number")
    return datetime.fromtimestamp(value / 1000, UTC)


def _instant(value: object, field: str) -> datetime:
    try:
        # Falco writes nanoseconds, of which six digits are kept
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(value)))
    except ValueError:
        raise _Bad(field, "is not an instant", "send it as in RFC 3339, with its offset from UTC") from None
    if at.tzinfo is None:
        raise _Bad(field, "has no offset from UTC", "send it as in RFC 3339")
    return at


def _token(name: object, naming: Naming) -> str | None:
    return naming(str(name)) if isinstance(name, str | int) and name != "" else None


def _digest(found: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
