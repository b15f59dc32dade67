"""Letters on their way: the ledger in PostgreSQL, SMTP, SMS by a webhook, bounces. Knows no kind of letter."""

from lethe_delivery.bounces import Bounce, delivery_of, read_bounce
from lethe_delivery.courier import Courier
from lethe_delivery.crash_points import CRASH_POINTS
from lethe_delivery.errors import BadMessage, BadSettings, DeliveryError
from lethe_delivery.ledger import Bounced, Progress, Proof, decide, enqueue, progress, proofs, take_bounces
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
from lethe_delivery.reports import Arrived, ReportBox, Taking, watch_reports
from lethe_delivery.retry import Policy
from lethe_delivery.settings import read_smtp
from lethe_delivery.sms import SmsSettings, SmsWebhook
from lethe_delivery.smtp import SmtpMailer, SmtpSettings, Tls
from lethe_delivery.store import migrate_delivery

__all__ = [
    "CRASH_POINTS",
    "Arrived",
    "BadMessage",
    "BadSettings",
    "Bounce",
    "Bounced",
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
    "ReportBox",
    "SentLog",
    "SmsSettings",
    "SmsWebhook",
    "SmtpMailer",
    "SmtpSettings",
    "State",
    "Taking",
    "Tls",
    "Unreachable",
    "Verdict",
    "decide",
    "delivery_id",
    "delivery_of",
    "enqueue",
    "migrate_delivery",
    "progress",
    "proofs",
    "read_bounce",
    "read_smtp",
    "take_bounces",
    "watch_reports",
]
