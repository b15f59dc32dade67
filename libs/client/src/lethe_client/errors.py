"""Errors of the client: what a caller can do about each is its class. Texts are one line and hold no personal data.

LetheError
├── Refused        the answer is no, and the same question again gets the same answer
├── BadInput       what was sent cannot be taken; the text names field and fix
├── Unreachable    the service did not answer, or could not: try again later
├── Unauthorised   no token, a bad one, or one without the scope or controller
├── Missing        there is nothing of that name, or it is gone
└── Conflicting    it contradicts what is there, or is not ready yet
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class LetheError(Exception):
    """`problem`: the problem document (RFC 9457) of the service, where there is one."""

    def __init__(self, text: str, problem: Mapping[str, object] | None = None) -> None:
        super().__init__(text)
        self.problem = dict(problem or {})


class Refused(LetheError):
    pass


class BadInput(LetheError):
    pass


class Unreachable(LetheError):
    pass


class Unauthorised(LetheError):
    pass


class Missing(LetheError):
    pass


class Conflicting(LetheError):
    pass


_BY_STATUS: Mapping[int, type[LetheError]] = {
    400: BadInput,
    401: Unauthorised,
    403: Unauthorised,
    404: Missing,
    405: BadInput,
    409: Conflicting,
    410: Missing,
    413: BadInput,
    415: BadInput,
    422: BadInput,
    429: Unreachable,
}
_SERVER_FAULT = 500


def of_problem(status: int, problem: Mapping[str, object]) -> LetheError:
    """The error for an answer other than success."""
    kind = _BY_STATUS.get(status, Unreachable if status >= _SERVER_FAULT else Refused)
    title = str(problem.get("title") or f"HTTP {status}")
    parts = [title]
    if problem.get("detail"):
        parts.append(str(problem["detail"]))
    errors = problem.get("errors")
    listed = errors if isinstance(errors, list) else []
    parts += [f"{e.get('field')} {e.get('message')}; {e.get('fix')}" for e in listed if isinstance(e, dict)]
    if "trace_id" in problem and kind is Unreachable:
        parts.append(f"trace_id {problem['trace_id']}")
    return kind(" | ".join(" ".join(part.split()) for part in parts), problem)
