"""The status of runs (done, running, interrupted, failed, not begun) and the time left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.store.header import newest_first, read_header
from benchmark.store.locks import FAILURE, is_locked, shelf_of
from benchmark.store.record import Run
from benchmark.store.runs import Store
from datasets.errors import OneLineError
from datasets.files import read_bytes

LARGEST = 2**20  # bytes of the text of a failure
STATES = ("done", "diverged", "running", "interrupted", "failed", "not begun")


@dataclass(frozen=True)
class Status:
    """The status of one run."""

    cell: Cell
    """The cell of the run."""
    seed: int
    """The seed of the run."""
    state: str
    """One of STATES."""
    rounds: int = 0
    """Rounds finished by the newest checkpoint; all rounds if the run is done."""
    seconds: float = 0.0
    """Seconds spent on these rounds."""
    note: str = ""
    """The error of a failed run, or the round in which a run diverged."""


def status_of(cell: Cell, seed: int, store: Store) -> Status:
    """The status of run (cell, seed). Never writes to the store."""
    try:
        run = store.find(cell, seed)
    except BenchmarkError as error:
        return Status(cell, seed, "failed", note=str(error))
    if run is not None:
        lost = run.diverged is not None
        state, note = ("diverged", f"at round {run.diverged}") if lost else ("done", "")
        return Status(cell, seed, state, cell.rounds, _seconds(run), note)
    shelf = shelf_of(store, cell)
    if not shelf.is_dir():
        return Status(cell, seed, "not begun")
    rounds, seconds, failure = 0, 0.0, ""
    for folder in _folders(shelf, seed):
        rounds, seconds = max((rounds, seconds), _newest(folder))
        failure = _failure(folder) or failure
    if is_locked(store, cell, seed):
        state = "running"
    else:
        state = "failed" if failure else "interrupted" if rounds else "not begun"
    return Status(cell, seed, state, rounds, seconds, failure if state == "failed" else "")


def seconds_left(runs: Sequence[Status]) -> tuple[float, int]:
    """Seconds that one process needs for all unfinished runs, and the number of runs for which no
    estimate exists.

    The estimate uses a run's own seconds per round so far, or else the mean over runs of the same
    data set, model and method.
    """
    known: dict[tuple[str, str, str], list[float]] = {}
    for run in runs:
        if run.rounds and run.seconds:
            known.setdefault(_kind(run.cell), []).append(run.seconds / run.rounds)
    total, unknown = 0.0, 0
    for run in runs:
        if run.state in ("done", "diverged"):
            continue
        rates = known.get(_kind(run.cell), [])
        rate = run.seconds / run.rounds if run.rounds else sum(rates) / max(len(rates), 1)
        total += rate * (run.cell.rounds - run.rounds)
        if not rate:
            unknown += 1
    return total, unknown


def _kind(cell: Cell) -> tuple[str, str, str]:
    return cell.data.name, cell.model.called, cell.algorithm


def _seconds(run: Run) -> float:
    return run.wall_seconds / run.seeds_stacked


def _folders(shelf: Path, seed: int) -> Iterable[Path]:
    """Checkpoint folders that may belong to this seed. A folder of many seeds is named by a digest,
    so all of those are included."""
    for folder in sorted(shelf.glob("seed*/")):
        kind, _, seeds = folder.name.partition("-")
        if kind == "seeds" or str(seed) in seeds.split("-"):
            yield folder


def _newest(folder: Path) -> tuple[int, float]:
    for path in newest_first(folder):
        try:
            header = read_header(path)
        except BenchmarkError:
            continue
        return header.rounds, header.seconds / len(header.identity.seeds)
    return 0, 0.0


def _failure(folder: Path) -> str:
    """The reason why the last attempt failed; empty if there is none."""
    try:
        text = read_bytes(folder / FAILURE, LARGEST).decode(errors="replace")
    except OSError:
        return ""
    return str(OneLineError(" ".join(text.split())))
