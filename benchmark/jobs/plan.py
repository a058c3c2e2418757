"""Which runs are missing from a store, and the jobs that make them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.engine.methods import Method, load_method
from benchmark.jobs.job import Job
from benchmark.spec import Cell
from benchmark.store import Run, Store


@dataclass(frozen=True)
class Plan:
    """Jobs to train, and what need not be trained."""

    jobs: list[Job]
    finished: int
    """How many runs the store has."""
    outdated: list[str]
    """Methods whose files have changed since they made runs that still stand."""


def plan(
    cells: Iterable[Cell],
    seeds: Sequence[int],
    methods: Mapping[str, str],
    store: Store,
    *,
    stack: bool,
    rerun: bool = False,
) -> Plan:
    """Which runs are missing from the store.

    A finished run stands for its cell as long as the method would resolve the cell's settings
    to the same values; a changed default trains it again. ``methods`` maps a cell's algorithm
    to what :func:`load_method` takes. ``stack``: all seeds of a cell in one program, where
    they share a partition.
    """
    jobs: list[Job] = []
    finished, outdated = 0, set()
    loaded: dict[str, Method] = {}
    for cell in cells:
        name = methods.get(cell.algorithm, cell.algorithm)
        method = loaded[name] = loaded.get(name) or load_method(name)
        method.settings(cell.hyper)  # refuses wrong ones before anything is trained
        runs = {} if rerun else finished_runs(store, cell, seeds, method)
        finished += len(runs)
        if any(run.source != method.source for run in runs.values()):
            outdated.add(cell.algorithm)
        missing = tuple(seed for seed in seeds if seed not in runs)
        jobs += _jobs(cell, missing, str(method.path), stack)
    return Plan(jobs, finished, sorted(outdated))


def finished_runs(store: Store, cell: Cell, seeds: Iterable[int], method: Method) -> dict[int, Run]:
    """The stored runs by seed, where the method would still resolve their settings alike."""
    runs = {seed: store.find(cell, seed) for seed in seeds}
    return {
        seed: run
        for seed, run in runs.items()
        if run is not None and method.would_make(cell.hyper, run.hyper)
    }


def _jobs(cell: Cell, seeds: tuple[int, ...], method: str, stack: bool) -> list[Job]:
    if seeds and stack and cell.partition.is_fixed:
        return [Job(cell, seeds, method)]
    return [Job(cell, (seed,), method) for seed in seeds]
