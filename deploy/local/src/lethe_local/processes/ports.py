"""Ports of this machine, always on the loopback address."""

from __future__ import annotations

import random
import socket

import psutil

from lethe_local.errors import NotReady, PortBusy

HOST = "127.0.0.1"
BELOW_EPHEMERAL = range(20_000, 32_000)
"""Outgoing connections get their ports above this range, so a port found free here stays free until it is used."""


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listens on now."""
    found: list[int] = []
    for port in random.SystemRandom().sample(BELOW_EPHEMERAL, 400):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    if len(found) < count:
        raise NotReady(f"cannot find {count} free ports between {BELOW_EPHEMERAL.start} and {BELOW_EPHEMERAL.stop}.")
    return found


def listener(port: int) -> str:
    """Who holds the port, as far as this account may see; empty if it may not."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return ""


def require_free(what: str, port: int, variable: str) -> None:
    """Raise PortBusy, with the port, its holder and the variable that chooses another."""
    if not is_free(port):
        raise PortBusy(
            f"port {port} for {what} is taken{listener(port)}: "
            f"stop that program, or choose another port with {variable}=…"
        )


def answers(port: int, timeout: float = 0.5) -> bool:
    """Whether something accepts connections there. `timeout` in seconds."""
    try:
        with socket.create_connection((HOST, port), timeout):
            return True
    except OSError:
        return False
