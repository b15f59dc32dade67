"""The telephone of whoever is on call, for the demonstration: a webhook that keeps what it is told."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lethe_local.state import checkout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lethe_local.state import State

VARIABLE = "LETHE_BREACH_POLICY"


class Pager:
    """`alerts`: in the shape of Alertmanager, in the order in which they came."""

    def __init__(self) -> None:
        self.alerts: list[Mapping[str, Any]] = []
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                pager.alerts += body
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
                del format, args  # the screen belongs to the story

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def on_call(state: State) -> Iterator[Pager]:
    """A pager, and the policy of breaches of a stack that is started meanwhile, which names it as who is on call.

    A policy of one's own wins: then nobody rings here.
    """
    pager = Pager()
    before = os.environ.get(VARIABLE)
    if not before:
        policy = yaml.safe_load((checkout() / "examples" / "breaches.yaml").read_text(encoding="utf-8"))
        policy["on_call"] = [{"name": "night-shift", "shape": "alertmanager", "url": pager.url}]
        path = Path(state.root) / "demo-breaches.yaml"
        state.create()
        path.write_text(yaml.safe_dump(policy), encoding="utf-8")
        os.environ[VARIABLE] = str(path)
    pager.start()
    try:
        yield pager
    finally:
        pager.stop()
        if not before:
            os.environ.pop(VARIABLE, None)
