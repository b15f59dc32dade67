"""Take part in data-subject requests as a Kafka-native processor. See README.md."""

from lethe_events.models import Retained, SubjectObserved
from lethe_events.models import TaskRequested as Task
from lethe_participant.errors import KafkaDown, Misuse, ParticipantError
from lethe_participant.participant import Participant
from lethe_participant.results import Masked, Result
from lethe_participant.settings import Settings

__all__ = [
    "KafkaDown",
    "Masked",
    "Misuse",
    "Participant",
    "ParticipantError",
    "Result",
    "Retained",
    "Settings",
    "SubjectObserved",
    "Task",
]
