"""Find the runs that are missing from a store, and the jobs that make them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmark.engine.methods import Method, load_method
from benchmark.errors import BenchmarkError
from benchmark.jobs.job import Job
from benchmark.spec import Cell
from benchmark.spec.method_code import stands
from benchmark.store import MODELS, Run, Store
from benchmark.store.header import newest_first, read_header
from benchmark.store.litter import tidy_finished
from benchmark.store.locks import shelf_of


@dataclass(frozen=True)
class Plan:
    """Jobs to train, and counts of what is finished."""

    jobs: list[Job]
    """The jobs to train."""
    finished: int
    """Number of finished runs in the store."""
    outdated: list[str]
    """Methods whose code has changed since they made runs of these cells."""
    without_models: int = 0
    """Number of runs to train again because they have not kept their models."""


def plan(
    cells: Iterable[Cell],
    seeds: Sequence[int],
    methods: Mapping[str, str],
    store: Store,
    *,
    stack: bool,
    rerun: bool = False,
    keep_older: bool = False,
    keep_models: bool = False,
) -> Plan:
    """The jobs for runs that are missing from the store.

    A finished run counts if the method's code is the one that made it and resolves the cell's
    settings to the same values; otherwise it is trained again.
    methods: for an algorithm that is not built in, the path for :func:`load_method`.
    stack: train all seeds of a cell in one program, if they share a partition.
    keep_older: ignore changes of the code.
    keep_models: a run without its models does not count.
    """
    jobs: list[Job] = []
    finished, without_models, outdated = 0, 0, set()
    loaded: dict[str, Method] = {}
    for cell in cells:
        name = methods.get(cell.algorithm, cell.algorithm)
        method = loaded[name] = loaded.get(name) or load_method(name)
        method.settings(cell.hyper)  # refuses wrong settings before any training
        every = {} if rerun else finished_runs(store, cell, seeds, method, keep_older=True)
        current = {seed: run for seed, run in every.items() if is_current(run, method)}
        counting = every if keep_older else current
        runs = _with_models(store, counting) if keep_models else counting
        finished, without_models = finished + len(runs), without_models + len(counting) - len(runs)
        if len(current) < len(every):
            outdated.add(cell.algorithm)
        missing = tuple(seed for seed in seeds if seed not in runs)
        tidy_finished(store, cell, runs)
        jobs += _jobs(store, cell, missing, str(method.path), stack)
    return Plan(jobs, finished, sorted(outdated), without_models)


def finished_runs(
    store: Store,
    cell: Cell,
    seeds: Iterable[int],
    method: Method,
    keep_older: bool,
    keep_models: bool = False,
) -> dict[int, Run]:
    """The intact stored runs that count (see :func:`plan`), by seed.

    A damaged run counts as missing; the job that makes it again sets it aside.
    """
    runs = {}
    for seed in seeds:
        with suppress(BenchmarkError):
            run = store.find_whole(cell, seed)
            if (
                run is not None
                and method.would_make(cell.hyper, run.hyper)
                and (keep_older or is_current(run, method))
            ):
                runs[seed] = run
    return _with_models(store, runs) if keep_models else runs


def _with_models(store: Store, runs: Mapping[int, Run]) -> dict[int, Run]:
    """The runs whose models are stored."""
    return {
        seed: run
        for seed, run in runs.items()
        if run.has_models and (store.folder(run.cell, seed) / MODELS).is_file()
    }


def is_current(run: Run, method: Method) -> bool:
    """True if the method's code is the one that made the run, or gives the same bits."""
    return stands(method.name, (run.source, run.code), (method.source, method.code))


def _jobs(store: Store, cell: Cell, seeds: tuple[int, ...], method: str, stack: bool) -> list[Job]:
    if seeds and stack and cell.partition.is_fixed:
        return [Job(cell, _begun(store, cell, seeds) or seeds, method)]
    return [Job(cell, (seed,), method) for seed in seeds]


def _begun(store: Store, cell: Cell, missing: tuple[int, ...]) -> tuple[int, ...] | None:
    """The seeds of a program that was killed after it had stored only some of its runs.

    Resuming all its seeds from its last checkpoint repeats the stored runs, but the missing ones
    alone would have to start from round 0.
    """
    for folder in sorted(shelf_of(store, cell).glob("seed*/")):
        for path in newest_first(folder):
            with suppress(BenchmarkError):
                header = read_header(path)
                if header.identity.cell == cell.digest and {*missing} < {*header.identity.seeds}:
                    return header.identity.seeds
    return None
