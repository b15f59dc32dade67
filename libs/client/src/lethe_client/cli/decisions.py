"""`lethe saga decide`, `approve-decision`, `announce-lift`, `call-off-lift`, `lift`: what a person decides."""

from __future__ import annotations

from typing import Annotated

import typer

from lethe_client.cli.output import Json  # noqa: TC001 - typer evaluates annotations
from lethe_client.cli.requests import act
from lethe_client.cli.sagas import Id, instant

Reason = Annotated[str, typer.Option(help="A code of your own: accuracy_verified.")]


def add_to(app: typer.Typer) -> None:
    app.command()(decide)
    app.command("approve-decision")(approve_decision)
    app.command("announce-lift")(announce_lift)
    app.command("call-off-lift")(call_off_lift)
    app.command()(lift)


def decide(
    dsr_id: Id,
    outcome: Annotated[str, typer.Option(help="upheld or rejected; of an automated decision: changed or confirmed.")],
    reason: Annotated[list[str], typer.Option(help="A code of your own; may be repeated.")],
    ground: Annotated[str | None, typer.Option(help="To reject: compelling_grounds, accuracy_established …")] = None,
    as_json: Json = False,
) -> None:
    """Decide (Art. 16, 21(1), 22(3)); what is decided against the person another one has to approve."""
    act(lambda o: o.decide(dsr_id, outcome=outcome, reasons=reason, ground=ground), as_json=as_json)


def approve_decision(dsr_id: Id, as_json: Json = False) -> None:
    """Approve the decision against the data subject that somebody else proposed."""
    act(lambda o: o.approve_decision(dsr_id), as_json=as_json)


def announce_lift(dsr_id: Id, reason: Reason, as_json: Json = False) -> None:
    """Write to the data subject that a restriction ends (Art. 18(3)); it is lifted some days after that went out."""
    act(lambda o: o.announce_lift(dsr_id, reason=reason), as_json=as_json)


def call_off_lift(dsr_id: Id, reason: Reason, as_json: Json = False) -> None:
    """Keep a restriction that was announced to end."""
    act(lambda o: o.call_off_lift(dsr_id, reason=reason), as_json=as_json)


def lift(
    dsr_id: Id,
    reason: Reason,
    told_at: Annotated[
        str | None,
        typer.Option(help="When the data subject was told (with offset). Left out: the letter could not be delivered."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Lift a restriction by hand: where no letters go out, or where the one that announced it did not arrive."""
    told = instant(told_at, "--told-at")
    act(lambda o: o.lift(dsr_id, told_at=told, reason=reason), as_json=as_json)
