"""A Kafka of a test's own behind a proxy: what a network does to it concerns nobody else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lethe_local import control
from lethe_local.processes.ports import HOST, free_ports
from lethe_local.stack.config import port_variable
from lethe_testkit.engines import private_state
from lethe_testkit.faults.network import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator


class BrokerBehindProxy(Proxy):
    """Clients are told to come through the proxy, from their first question on."""

    def __init__(self) -> None:
        super().__init__("kafka")

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"


@contextmanager
def broker_behind_proxy() -> Iterator[BrokerBehindProxy]:
    with BrokerBehindProxy() as proxy, private_state() as state:
        proxy.target, controller = free_ports(2)
        environment = {
            port_variable("kafka"): str(proxy.target),
            port_variable("kafka_controller"): str(controller),
            "LETHE_THROUGH_KAFKA": str(proxy.port),
        }
        supervisor = control.spawn(state, ["--only=kafka"], environment=environment, tied=True)
        try:
            control.wait_ready(state, supervisor, lambda _: None)
            yield proxy
        finally:
            control.stop(supervisor, state)
