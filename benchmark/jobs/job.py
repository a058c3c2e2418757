"""What is to be trained, where and how, and what is heard of it; no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.errors import BenchmarkError
from benchmark.jobs.data import Source
from benchmark.spec import Cell
from benchmark.store import Store
from datasets.errors import OneLineError

EVERY = 60.0
"""Seconds between two checkpoints, if saving is cheap."""


@dataclass(frozen=True)
class Job:
    """Runs that one program trains: a cell and some of its seeds, as stacked replicas."""

    cell: Cell
    seeds: tuple[int, ...]
    method: str
    """A name, or a path to a method's file."""

    @property
    def key(self) -> str:
        """Unique per job. (Labels are not: two protocols can share one.)"""
        return f"{self.cell.key} {self.seeds}"

    @property
    def label(self) -> str:
        """For progress: what is trained, and with which seeds."""
        seeds = ",".join(map(str, self.seeds))
        return f"{self.cell.data.name}/{self.cell.model.called} {self.cell.algorithm} seed {seeds}"


@dataclass(frozen=True)
class Settings:
    """Where and how runs are made; nothing here changes what a run is, beyond its rounding."""

    store: Store
    source: Source
    device: str
    """``cpu`` or ``cuda``."""
    threads: int
    """Per process."""
    command: str
    """The command line that a run's record cites."""
    checkpoint_every: float = EVERY
    """Seconds between two checkpoints. 0: one after every round."""
    rerun: bool = False
    """True: train finished runs again."""
    keep_older: bool = False
    """True: finished runs stand even where their method's file has changed since."""
    precision: str = "float32"
    """Of matrix products: ``float32``, or ``tf32`` on a GPU; part of a run's record."""
    graphs: bool = True
    """True: rounds on a GPU are recorded and replayed."""


@dataclass(frozen=True)
class Event:
    """News of a job."""

    job: Job
    rounds: int
    """How many rounds are done."""
    scores: Mapping[str, float]
    """The latest pooled scores, by column."""
    finished: bool = False
    """True: the last event of this job."""
    note: str = ""
    """What happened, in words."""


Listener = Callable[[Event], None]


def raise_first(failed: Sequence[OneLineError], jobs: int) -> None:
    """Raise the first failure, and say how many there are; do nothing if there is none."""
    if len(failed) > 1:
        raise BenchmarkError(f"{failed[0]} ({len(failed)} of {jobs} jobs failed; see status)")
    for error in failed:
        raise error
