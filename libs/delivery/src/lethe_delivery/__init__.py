"""Letters on their way: the ledger in PostgreSQL, SMTP, SMS by a webhook, bounces. Knows no kind of letter."""

from lethe_delivery.bounces import Bounce, read_bounce
from lethe_delivery.courier import Courier
from lethe_delivery.crash_points import CRASH_POINTS
from lethe_delivery.errors import BadMessage, BadSettings, DeliveryError
from lethe_delivery.ledger import Progress, Proof, bounced, decide, enqueue, progress, proofs
from lethe_delivery.messages import (
    Due,
    Mail,
    OnDoubt,
    Order,
    Outcome,
    Outgoing,
    State,
    Unreachable,
    Verdict,
    delivery_id,
)
from lethe_delivery.ports import Composer, Mailer, SentLog
from lethe_delivery.retry import Policy
from lethe_delivery.sms import SmsSettings, SmsWebhook
from lethe_delivery.smtp import SmtpMailer, SmtpSettings, Tls
from lethe_delivery.store import migrate_delivery

__all__ = [
    "CRASH_POINTS",
    "BadMessage",
    "BadSettings",
    "Bounce",
    "Composer",
    "Courier",
    "DeliveryError",
    "Due",
    "Mail",
    "Mailer",
    "OnDoubt",
    "Order",
    "Outcome",
    "Outgoing",
    "Policy",
    "Progress",
    "Proof",
    "SentLog",
    "SmsSettings",
    "SmsWebhook",
    "SmtpMailer",
    "SmtpSettings",
    "State",
    "Tls",
    "Unreachable",
    "Verdict",
    "bounced",
    "decide",
    "delivery_id",
    "enqueue",
    "migrate_delivery",
    "progress",
    "proofs",
    "read_bounce",
]
