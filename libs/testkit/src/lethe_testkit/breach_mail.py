"""Letters about a breach, for tests that send them: what is said, through which relay, and when they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lethe_testkit.ground import eventually
from lethe_testkit.smtp_sink import DOMAIN

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from lethe_testkit.people_ground import PeopleGround
    from lethe_testkit.smtp_sink import SmtpSink

SAID: dict[str, Any] = {
    "nature": "A copy of our customer database was taken.",
    "categories": ["e-mail address"],
    "consequences": ["You may get messages that pretend to be from us."],
    "measures": ["The way in was closed."],
    "advice": ["Do not follow links in such messages."],
}
GERMAN: dict[str, Any] = {**SAID, "nature": "Eine Kopie unserer Kundendatenbank wurde entwendet."}
TEXTS: dict[str, Any] = {"said": {"en": SAID, "de": GERMAN}, "default": "en"}


def mail(sink: SmtpSink, log: Path) -> dict[str, str]:
    """The environment of a notifier that sends through this relay and reads its log."""
    return {
        "LETHE_SMTP_HOST": "127.0.0.1",
        "LETHE_SMTP_PORT": str(sink.port),
        "LETHE_SMTP_TLS": "none",
        "LETHE_SMTP_SENDER": f"privacy@{DOMAIN}",
        "LETHE_SMTP_SENT_LOG": str(log),
    }


async def ended(ground: PeopleGround, client: httpx.AsyncClient, number: int = 1, *, within: float = 120) -> Any:
    """The letters of the case, once those of this mailing have their end. `within`: seconds."""
    found: dict[str, Any] = {}

    async def over() -> bool:
        found.update(await ground.see(client, "/letters"))
        mailings = found["mailings"]
        return len(mailings) >= number and mailings[number - 1]["state"] in {"told", "stopped"}

    await eventually(over, within)
    return found


async def sent(sink: SmtpSink, count: int, *, within: float = 120) -> None:
    """Until the relay has accepted so many. `within`: seconds."""

    async def there() -> bool:
        return sink.accepted.total() >= count

    await eventually(there, within)
