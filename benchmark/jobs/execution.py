"""Runs as jobs: planned, skipped where finished, each trained, kept and stored."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import torch

from benchmark.engine.cuda_graphs import Replayed
from benchmark.engine.methods import Method, load_method
from benchmark.engine.recorder import Snapshot
from benchmark.engine.training import Problem, check, run
from benchmark.errors import BenchmarkError, Interrupted
from benchmark.jobs.data import Source, load, partition_of
from benchmark.jobs.environment import environment
from benchmark.spec import Cell
from benchmark.store import Run, Store
from benchmark.store.checkpoint import EVERY, FAILURE, Checkpoints, folder_of, identity, only_one
from datasets import Partition
from datasets.errors import OneLineError


@dataclass(frozen=True)
class Job:
    """Runs that one program trains: a cell and some of its seeds, as stacked replicas."""

    cell: Cell
    seeds: tuple[int, ...]
    method: str
    """A name, or a path to a method's file."""

    @property
    def key(self) -> str:
        """Tells jobs apart; labels of two protocols are alike."""
        return f"{self.cell.key} {self.seeds}"

    @property
    def label(self) -> str:
        """For progress: what is trained, and with which seeds."""
        seeds = ",".join(map(str, self.seeds))
        return f"{self.cell.data.name}/{self.cell.model.name} {self.cell.algorithm} seed {seeds}"


@dataclass(frozen=True)
class Settings:
    """Where and how runs are made; nothing here changes what a run is, beyond its rounding."""

    store: Store
    source: Source
    device: str
    threads: int
    command: str
    checkpoint_every: float = EVERY
    """Seconds."""
    rerun: bool = False
    precision: str = "float32"
    """Of products: the device's full one, or ``tf32`` on a GPU; part of a run's record."""
    graphs: bool = True
    """On a GPU, are rounds recorded and replayed?"""


@dataclass(frozen=True)
class Event:
    """News of a job: rounds done, the latest scores, whether it is over, a note in words."""

    job: Job
    rounds: int
    scores: Mapping[str, float]
    finished: bool = False
    note: str = ""


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Plan:
    """What is to be trained, what is there already, and which of that an older file made."""

    jobs: list[Job]
    finished: int
    outdated: list[str]


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
    jobs, finished, outdated = [], 0, set()
    for cell in cells:
        method = load_method(methods.get(cell.algorithm, cell.algorithm))
        method.settings(cell.hyper)  # refuses wrong ones before anything is trained
        missing = []
        for seed in seeds:
            done = None if rerun else _finished(store, cell, seed, method)
            if done is None:
                missing.append(seed)
                continue
            finished += 1
            if done.source != method.source:
                outdated.add(cell.algorithm)
        name = str(method.path)
        if missing and stack and cell.partition.is_fixed:
            jobs.append(Job(cell, tuple(missing), name))
        else:
            jobs += [Job(cell, (seed,), name) for seed in missing]
    return Plan(jobs, finished, sorted(outdated))


def perform(
    job: Job, settings: Settings, listen: Listener, stopped: Callable[[], bool] = lambda: False
) -> None:
    """Train one job, from its newest checkpoint if there is one, and store its runs.

    Does nothing where another process makes one of these runs, or has made them all.
    ``stopped`` is asked after every round: if it says so, the round is saved and Interrupted
    raised. An error is also left beside the checkpoints, for ``status``.
    """
    cell, store = job.cell, settings.store
    with only_one(store, cell, job.seeds) as alone:
        if not alone:
            listen(Event(job, cell.rounds, {}, True, "left to the process that makes it"))
            return
        method = load_method(job.method)
        there = (_finished(store, cell, seed, method) is not None for seed in job.seeds)
        if not settings.rerun and all(there):
            listen(Event(job, cell.rounds, {}, True, "another process has made it"))
            return
        failure = folder_of(store, cell, job.seeds) / FAILURE
        with suppress(OSError):
            failure.unlink(missing_ok=True)
        try:
            _make(job, settings, listen, stopped)
        except OneLineError as error:
            with suppress(OSError):
                failure.parent.mkdir(parents=True, exist_ok=True)
                failure.write_text(f"{error}\n", encoding="utf-8")
            raise


def _finished(store: Store, cell: Cell, seed: int, method: Method) -> Run | None:
    """The stored run, if the method would still resolve its settings to the same values."""
    done = store.find(cell, seed)
    return done if done is not None and method.would_make(cell.hyper, done.hyper) else None


def _make(job: Job, settings: Settings, listen: Listener, stopped: Callable[[], bool]) -> None:
    cell, method, device = job.cell, load_method(job.method), torch.device(settings.device)
    if device.type == "cuda" and settings.graphs:
        method = replace(method, train_round=Replayed(method.train_round))
    arrays, x = load(cell.data, settings.source)
    partition = partition_of(cell.partition, arrays, job.seeds[0])
    _save_once(partition, settings.store)
    checkpoints = Checkpoints(
        folder_of(settings.store, cell, job.seeds),
        identity(cell, job.seeds, method.source, partition.digest, device, settings.precision),
        datetime.now(UTC).isoformat(timespec="seconds"),
        settings.checkpoint_every,
    )

    def say(note: str, rounds: int = 0) -> None:
        listen(Event(job, rounds, {}, note=note))

    begun = time.perf_counter()
    problem = Problem.of(cell, arrays, x, partition, job.seeds, device)
    resumed = checkpoints.resume(say, partial(check, cell=cell, method=method, problem=problem))
    if resumed:
        say(f"goes on after round {resumed.rounds}", resumed.rounds)
    shown = [0.0]

    def progress(round_: int, scores: Callable[[], Mapping[str, float]]) -> None:
        if time.perf_counter() - shown[0] > 0.5:
            shown[0] = time.perf_counter()
            listen(Event(job, round_ + 1, scores()))

    def keep(take: Callable[[], Snapshot]) -> None:
        stop = stopped()
        if not (stop or checkpoints.due):
            return
        snapshot = take()
        fate = f"round {snapshot.rounds} of {cell.rounds} is saved"
        try:
            checkpoints.save(snapshot)
        except OSError as error:
            fate = f"{checkpoints.folder}: no checkpoint: {error.strerror}"
            say(f"{fate}; training goes on", snapshot.rounds)
        if stop:
            raise Interrupted(f"{job.label}: {fate}")

    clock = begun - (resumed.seconds if resumed else 0.0)
    results = run(cell, method, problem, progress, keep, resumed)
    wall, made_with = time.perf_counter() - clock, environment(device)
    if checkpoints.resumed:
        made_with["resumed"] = "after round " + ", ".join(map(str, checkpoints.resumed))
    for seed, result in zip(job.seeds, results, strict=True):
        record = Run(
            cell=cell,
            seed=seed,
            hyper=method.settings(cell.hyper),
            parameters=result.parameters,
            source=method.source,
            partition=partition.digest,
            partition_summary=partition.summary(arrays.y, arrays.classes),
            started=checkpoints.started,
            wall_seconds=round(wall, 3),
            seeds_stacked=len(job.seeds),
            environment=made_with,
            command=settings.command,
            diverged=result.diverged,
            checksums={},
        )
        settings.store.write(record, result.history, result.clients)
    checkpoints.clear()
    lost = [
        f"seed {s} at round {r.diverged}"
        for s, r in zip(job.seeds, results, strict=True)
        if r.diverged is not None
    ]
    note = f"diverged: {', '.join(lost)}" if lost else ""
    listen(Event(job, cell.rounds, {}, finished=True, note=note))


def _save_once(partition: Partition, store: Store) -> None:
    index = store.root / "partitions" / f"{partition.digest[:16]}.npz"
    if index.exists():
        return
    try:
        partition.save(index)
    except OSError as error:
        raise BenchmarkError(f"{index}: cannot be stored: {error}") from None
