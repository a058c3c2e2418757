"""How far runs are: done, running, interrupted, failed, or not begun, and the time left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.store import Run, Store
from benchmark.store.checkpoint import FAILURE, lock_of, lock_path, newest_first, read, shelf_of

STATES = ("done", "diverged", "running", "interrupted", "failed", "not begun")


@dataclass(frozen=True)
class Standing:
    """One run's state, one of STATES.

    rounds, seconds: behind its newest checkpoint (of a finished run: all of them). note: the
    error, or when it diverged.
    """

    cell: Cell
    seed: int
    state: str
    rounds: int = 0
    seconds: float = 0.0
    note: str = ""


def standing(cell: Cell, seed: int, store: Store) -> Standing:
    """Of the run (cell, seed); reads only."""
    try:
        run = store.find(cell, seed)
    except BenchmarkError as error:
        return Standing(cell, seed, "failed", note=str(error))
    if run is not None:
        lost = run.diverged is not None
        state, note = ("diverged", f"at round {run.diverged}") if lost else ("done", "")
        return Standing(cell, seed, state, cell.rounds, _seconds(run), note)
    shelf = shelf_of(store, cell)
    if not shelf.is_dir():
        return Standing(cell, seed, "not begun")
    rounds, seconds, failure = 0, 0.0, ""
    for folder in _folders(shelf, seed):
        rounds, seconds = max((rounds, seconds), _newest(folder))
        if (folder / FAILURE).is_file():
            failure = (folder / FAILURE).read_text(encoding="utf-8").strip()
    if _is_running(store, cell, seed):
        state = "running"
    else:
        state = "failed" if failure else "interrupted" if rounds else "not begun"
    return Standing(cell, seed, state, rounds, seconds, failure if state == "failed" else "")


def seconds_left(found: Sequence[Standing]) -> tuple[float, int]:
    """Of one process that does all that is left, and how many runs that does not cover.

    A run's seconds a round are its own so far, or else the mean of finished runs of its data
    set, model and method; where there are none, it is not covered.
    """
    known: dict[tuple[str, str, str], list[float]] = {}
    for one in found:
        if one.rounds and one.seconds:
            known.setdefault(_kind(one.cell), []).append(one.seconds / one.rounds)
    total, unknown = 0.0, 0
    for one in found:
        if one.state in ("done", "diverged"):
            continue
        rates = known.get(_kind(one.cell), [])
        rate = one.seconds / one.rounds if one.rounds else sum(rates) / max(len(rates), 1)
        total += rate * (one.cell.rounds - one.rounds)
        unknown += not rate
    return total, unknown


def _kind(cell: Cell) -> tuple[str, str, str]:
    return cell.data.name, cell.model.name, cell.algorithm


def _seconds(run: Run) -> float:
    return run.wall_seconds / run.seeds_stacked


def _folders(shelf: Path, seed: int) -> Iterable[Path]:
    """Those of programs that train this seed; one with many seeds hides them in a digest."""
    for folder in sorted(shelf.glob("seed*/")):
        kind, _, seeds = folder.name.partition("-")
        if kind == "seeds" or str(seed) in seeds.split("-"):
            yield folder


def _newest(folder: Path) -> tuple[int, float]:
    for path in newest_first(folder):
        try:
            header, _ = read(path)
        except BenchmarkError:
            continue
        return header.rounds, header.seconds / len(header.identity.seeds)
    return 0, 0.0


def _is_running(store: Store, cell: Cell, seed: int) -> bool:
    if not lock_path(store, cell, seed).exists():
        return False
    try:
        with lock_of(store, cell, seed).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except (BenchmarkError, OSError):  # a store that is only read: nobody writes to it
        return False
