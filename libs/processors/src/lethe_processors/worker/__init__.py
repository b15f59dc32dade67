"""What every worker does around its runners: take tasks from the bus, redeem, reach the processor, acknowledge."""

from lethe_processors.worker.acks import acknowledge
from lethe_processors.worker.admission import admit, refuse
from lethe_processors.worker.bench import Act, Bench, Opened, Registers
from lethe_processors.worker.callbacks import Callbacks
from lethe_processors.worker.connectors import Connectors
from lethe_processors.worker.desk import Delivered, Desk, UnitOfWork
from lethe_processors.worker.pace import limits_of, limits_of_all, register_facts
from lethe_processors.worker.redeeming import redeem_from
from lethe_processors.worker.worker import Worker

__all__ = [
    "Act",
    "Bench",
    "Callbacks",
    "Connectors",
    "Delivered",
    "Desk",
    "Opened",
    "Registers",
    "UnitOfWork",
    "Worker",
    "acknowledge",
    "admit",
    "limits_of",
    "limits_of_all",
    "redeem_from",
    "refuse",
    "register_facts",
]
