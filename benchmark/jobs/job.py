"""Records of jobs: what to train, how, and the events of training; no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmark.jobs.data import Source
from benchmark.spec import Cell
from benchmark.store import Store

EVERY = 60.0
"""Default seconds between two checkpoints; more if saving is slow."""


@dataclass(frozen=True)
class Job:
    """Runs that one program trains: a cell and some of its seeds, as stacked replicas."""

    cell: Cell
    """The cell of all its runs."""
    seeds: tuple[int, ...]
    """The seeds of its runs; each is a replica."""
    method: str
    """Name of a built-in method, or path of a method's file."""

    @property
    def key(self) -> str:
        """Unique per job. (Labels are not: two protocols can share one.)"""
        return f"{self.cell.key} {self.seeds}"

    @property
    def label(self) -> str:
        """The cell and its seeds in words, for progress."""
        seeds = ",".join(map(str, self.seeds))
        return f"{self.cell.data.name}/{self.cell.model.called} {self.cell.algorithm} seed {seeds}"


@dataclass(frozen=True)
class Settings:
    """Where and how runs are made; only rounding may depend on it."""

    store: Store
    """The store for runs and checkpoints."""
    source: Source
    """The source of the data."""
    device: str
    """``cpu`` or ``cuda``."""
    threads: int
    """Number of threads per process."""
    command: str
    """The command line that a run's record cites."""
    checkpoint_every: float = EVERY
    """Seconds between two checkpoints. 0: one after every round."""
    rerun: bool = False
    """True: train finished runs again."""
    keep_older: bool = False
    """True: keep finished runs even if their method's code has changed since."""
    keep_models: bool = False
    """True: runs keep their final models; those that have none are trained again."""
    precision: str = "float32"
    """Precision of matrix products: ``float32``, or ``tf32`` on a GPU; recorded with a run."""
    graphs: bool = True
    """True: rounds on a GPU are recorded and replayed."""


@dataclass(frozen=True)
class Event:
    """An event in the training of a job."""

    job: Job
    """The job that the event is about."""
    rounds: int
    """Number of finished rounds."""
    scores: Mapping[str, float]
    """The latest pooled scores, by column."""
    finished: bool = False
    """True: the last event of this job."""
    note: str = ""
    """Note for the user; empty: none."""


Listener = Callable[[Event], None]
