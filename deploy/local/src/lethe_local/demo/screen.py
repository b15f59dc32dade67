"""The terminal: a live view where there is one, plain lines where the output goes into a file or a pipe."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lethe_local.demo.moments import STYLES, VERBS, answer, settled, who

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_client.models import AcceptedDsr
    from lethe_client.sagas import Saga, Task
    from lethe_local.demo.moments import Moment

ORDER = ("export", "rectify", "erase", "verify", "package")


class View(Protocol):
    def show(self, saga: Saga, moments: list[Moment]) -> None: ...


class Screen:
    """Everything the demonstration says goes through here."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def title(self, text: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{escape(text)}", align="left", characters="─" if self._console.is_terminal else "-")

    def line(self, text: str, style: str = "") -> None:
        self._console.print(Text(f"  {text}", style=style))

    @contextmanager
    def following(self, title: str, accepted: AcceptedDsr) -> Iterator[View]:
        """A view of one request, as long as it is carried out."""
        if not self._console.is_terminal:
            yield _Plain(self)
            return
        with Live(console=self._console, refresh_per_second=8, transient=True) as live:
            yield _Animated(self, live, title, accepted)

    def restarted(self, before: dict[str, int], after: dict[str, int]) -> None:
        """Say what died and was started again between two looks."""
        for name, count in after.items():
            if count > before.get(name, 0):
                self.line(f"          {name} died and was started again", "bold yellow")

    def moment(self, moment: Moment) -> None:
        self.line(f"{moment.seconds:6.2f} s  {moment.text}", moment.style)


class _Plain:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def show(self, saga: Saga, moments: list[Moment]) -> None:
        for moment in moments:
            self._screen.moment(moment)
        if moments:
            ended, all_of_them = settled(saga)
            self._screen.line(f"          {ended} of {all_of_them} tasks ended")


class _Animated:
    """New lines scroll away above; what stands now is drawn below them."""

    def __init__(self, screen: Screen, live: Live, title: str, accepted: AcceptedDsr) -> None:
        self._screen = screen
        self._live = live
        self._title = title
        self._accepted = accepted

    def show(self, saga: Saga, moments: list[Moment]) -> None:
        for moment in moments:
            self._screen.moment(moment)
        self._live.update(panel(self._title, self._accepted, saga))


def panel(title: str, accepted: AcceptedDsr, saga: Saga) -> Panel:
    """One request as it stands: its clock, its progress, a cell per processor and task."""
    ended, all_of_them = settled(saga)
    clock = Text(f"due {accepted.due_date.isoformat()} by law ({accepted.rule})", style="dim")
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(total=max(all_of_them, 1), completed=ended, width=40), f"{ended} of {all_of_them} tasks")
    return Panel(Group(clock, bar, Text(), _grid(saga)), title=f"{title} · {saga.state}", title_align="left", width=100)


def _grid(saga: Saga) -> Table:
    verbs = [verb for verb in ORDER if any(task.verb == verb for task in saga.tasks)]
    grid = Table(box=None, padding=(0, 2), header_style="dim")
    grid.add_column("")
    for verb in verbs:
        grid.add_column(VERBS[verb])
    for processor in dict.fromkeys(task.processor_id for task in saga.tasks):
        newest = {
            task.verb: task for task in sorted(saga.tasks, key=lambda t: t.round) if task.processor_id == processor
        }
        grid.add_row(who(processor), *(_cell(newest.get(verb), saga.right) for verb in verbs))
    return grid


def _cell(task: Task | None, right: str) -> Text:
    if task is None:
        return Text()
    shown = answer(task, right) if task.status == "done" and task.outcome else task.status
    return Text(shown, style=STYLES.get(task.status, ""))
