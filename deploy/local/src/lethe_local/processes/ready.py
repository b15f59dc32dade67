"""Ways to see that a program can be used."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from http import HTTPStatus

from lethe_local.processes import ports


@dataclass(frozen=True, slots=True)
class TcpReady:
    port: int

    def __call__(self) -> bool:
        return ports.answers(self.port)


@dataclass(frozen=True, slots=True)
class HttpReady:
    """Ready when a GET of the path answers 200."""

    port: int
    path: str = "/readyz"

    def __call__(self) -> bool:
        connection = http.client.HTTPConnection(ports.HOST, self.port, timeout=1.0)
        try:
            connection.request("GET", self.path)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
