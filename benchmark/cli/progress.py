"""Show progress while runs are made: rounds, scores, time left."""

import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from benchmark.jobs.job import Event, Job
from benchmark.store import SCORES, column

QUIET_SECONDS = 20.0


class Display:
    """A context manager whose :meth:`listen` shows events: bars on a terminal, otherwise lines."""

    def __init__(self, console: Console, jobs: Sequence[Job]) -> None:
        self._console, self._jobs = console, len(jobs)
        self._done = 0
        self._spoke = time.monotonic()
        self._since: tuple[float, int] | None = None  # time and rounds of the first event
        self._work = {job.key: 0 for job in jobs}
        self._total = sum(job.cell.rounds for job in jobs)
        self._bars: dict[str, TaskID] = {}
        self._live = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[scores]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )

    def __enter__(self) -> "Display":
        self._live.start()
        self._all = self._live.add_task("all rounds", total=self._total, scores="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def listen(self, event: Event) -> None:
        """Show one event; training goes on even if that fails."""
        with suppress(OSError):
            self._show(event)

    def _show(self, event: Event) -> None:
        job, key, label = event.job, event.job.key, event.job.label
        if event.note:
            self._console.print(f"{label}: {event.note}")
        self._work[key] = event.rounds
        self._since = self._since or (time.monotonic(), sum(self._work.values()))
        scores = _spoken(event)
        if key not in self._bars:
            self._bars[key] = self._live.add_task(label, total=job.cell.rounds, scores="")
        self._live.update(self._bars[key], completed=event.rounds, scores=scores)
        self._live.update(self._all, completed=sum(self._work.values()))
        if event.finished:
            self._done += 1
            self._live.remove_task(self._bars.pop(key))
            self._console.print(f"finished {self._done}/{self._jobs}: {label}{self._left()}")
            self._spoke = time.monotonic()
        elif not self._console.is_terminal and time.monotonic() - self._spoke > QUIET_SECONDS:
            self._spoke = time.monotonic()
            rounds = f"round {event.rounds}/{job.cell.rounds}"
            self._console.print(f"{label}: {rounds} {scores}{self._left()}")

    def _left(self) -> str:
        when, before = self._since or (0.0, 0)
        done = sum(self._work.values())
        if done in (before, self._total):
            return ""
        left = (time.monotonic() - when) * (self._total - done) / (done - before)
        return f", about {duration(left)} left in all"


def _spoken(event: Event) -> str:
    names = {
        column(which, "accuracy"): name for which, name in zip(SCORES, ("GM", "PM"), strict=True)
    }
    parts = [f"{n} {event.scores[c]:.2%}" for c, n in names.items() if c in event.scores]
    losses = [
        v for c, v in event.scores.items() if c in [column(which, "train_loss") for which in SCORES]
    ]
    return "  ".join([*parts, *(f"loss {loss:.3f}" for loss in losses[-1:])])


def duration(seconds: float) -> str:
    """The duration in minutes and seconds, or in hours and minutes."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes}:{rest:02d}"
