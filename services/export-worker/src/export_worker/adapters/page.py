"""Writes the page for people: one file that needs nothing else, every value escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from export_worker.domain.page import Page


class HtmlPage:
    """A `Renderer`. The template allows no script and loads nothing; its own policy says so to the browser."""

    def __init__(self) -> None:
        environment = Environment(
            loader=PackageLoader("export_worker.adapters", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("index.html")

    def __call__(self, page: Page, /) -> bytes:
        return self._template.render(page=page).encode("utf-8", "replace")
