"""Perform one job: prepare data and method, train, save checkpoints, record the runs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch

from benchmark.engine.cuda_graphs import Replayed
from benchmark.engine.guards import Generators, TraceError
from benchmark.engine.methods import Method, load_method
from benchmark.engine.recorder import Result
from benchmark.engine.snapshot import Snapshot
from benchmark.engine.training import Problem, check, run
from benchmark.errors import BenchmarkError, Interrupted, one_line
from benchmark.jobs.costs import costs_of
from benchmark.jobs.data import material
from benchmark.jobs.environment import environment
from benchmark.jobs.job import Event, Job, Listener, Settings
from benchmark.jobs.plan import finished_runs
from benchmark.spec import Scalar
from benchmark.store import Costs, Run, Store
from benchmark.store.checkpoint import Checkpoints, identity
from benchmark.store.litter import tidy_partitions, tidy_places
from benchmark.store.locks import FAILURE, folder_of, only_one
from benchmark.store.models import packed
from datasets import Partition
from datasets.files import write_whole

SHOWN_EVERY = 0.5
"""Minimum seconds between two events that only show scores."""


def perform(
    job: Job, settings: Settings, listen: Listener, stopped: Callable[[], bool] = lambda: False
) -> bool:
    """Train one job, from its newest checkpoint if there is one, and store its runs.

    Returns False if another process is making one of these runs, and does nothing then; it does
    nothing either if all runs are finished.
    stopped: asked after every round; if True, the round is saved and Interrupted is raised.
    The text of an error is also written beside the checkpoints, for ``status``.
    """
    cell, store = job.cell, settings.store
    with only_one(store, cell, job.seeds) as alone:
        if not alone:
            listen(Event(job, cell.rounds, {}, True, "left to the process that makes it"))
            return False
        method = load_method(job.method)
        runs = (
            {}
            if settings.rerun
            else finished_runs(
                store, cell, job.seeds, method, settings.keep_older, settings.keep_models
            )
        )
        if len(runs) == len(job.seeds):
            listen(Event(job, cell.rounds, {}, True, "another process has made it"))
            return True
        tidy_places(store, cell, job.seeds)
        _set_aside(job, store, listen)
        with _failure_kept(folder_of(store, cell, job.seeds) / FAILURE):
            _make(job, method, settings, listen, stopped)
        return True


def _set_aside(job: Job, store: Store, listen: Listener) -> None:
    """Move damaged runs out of the places of the runs that are about to be made."""
    for seed in job.seeds:
        try:
            store.find_whole(job.cell, seed)
        except BenchmarkError as error:
            aside = store.set_aside(job.cell, seed)
            listen(Event(job, 0, {}, note=f"{error}: now at {aside}"))


@contextmanager
def _failure_kept(path: Path) -> Iterator[None]:
    """Write to ``path`` why the block failed; remove the text of an earlier failure."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        with suppress(OSError):
            write_whole(path, f"{one_line(error)}\n".encode())
        raise


def _make(
    job: Job, method: Method, settings: Settings, listen: Listener, stopped: Callable[[], bool]
) -> None:
    begun = time.perf_counter()
    prepared = _prepared(job, method, settings)
    watch = _Watch(job, prepared.checkpoints, listen, stopped)
    resumed = prepared.resume(job, watch)
    results = run(job.cell, prepared.method, prepared.problem, watch.progress, watch.keep, resumed)
    watch.require_no_draws()
    wall = time.perf_counter() - begun + (resumed.seconds if resumed else 0.0)
    for record, result in zip(
        _records(job, prepared, settings, results, wall), results, strict=True
    ):
        models = packed(result.models, *prepared.built_for) if settings.keep_models else None
        settings.store.write(record, result.history, result.clients, models=models)
    prepared.checkpoints.clear()
    listen(Event(job, job.cell.rounds, {}, finished=True, note=_divergence(job, results)))


@dataclass(frozen=True)
class _Prepared:
    """Everything that training a job and recording its runs needs."""

    method: Method
    problem: Problem
    partition: str
    """Digest of the partition."""
    data: str
    """Digest of the data set's arrays."""
    built_for: tuple[tuple[int, ...], int]
    """Shape of an input, and number of classes."""
    summary: Mapping[str, Scalar]
    costs: Costs | None
    checkpoints: Checkpoints

    def resume(self, job: Job, watch: "_Watch") -> Snapshot | None:
        """The snapshot from which the job resumes; None if there is no usable one."""
        fits = partial(check, cell=job.cell, method=self.method, problem=self.problem)
        resumed = self.checkpoints.resume(watch.say, fits)
        if resumed:
            watch.say(f"goes on after round {resumed.rounds}", resumed.rounds)
        return resumed


def _prepared(job: Job, method: Method, settings: Settings) -> _Prepared:
    cell, device = job.cell, torch.device(settings.device)
    data = material(cell, job.seeds[0], settings.source)
    arrays, x, partition = data.arrays, data.inputs, data.partition
    costs = costs_of(cell, method, x.shape[1:], arrays.classes)
    if device.type == "cuda" and settings.graphs:
        method = replace(method, train_round=Replayed(method.train_round))
    _save_once(partition, settings.store)
    problem = Problem.of(cell, arrays, x, partition, job.seeds, device)
    digests, convolutions = (method.code, partition.digest), problem.federation.convolutions
    checkpoints = Checkpoints(
        folder_of(settings.store, cell, job.seeds),
        identity(
            cell, job.seeds, *digests, device, settings.precision, convolutions, arrays.digest
        ),
        datetime.now(UTC).isoformat(timespec="seconds"),
        settings.checkpoint_every,
    )
    summary = partition.summary(arrays.y, arrays.classes)
    built_for = (tuple(x.shape[1:]), arrays.classes)
    return _Prepared(
        method, problem, partition.digest, arrays.digest, built_for, summary, costs, checkpoints
    )


def _save_once(partition: Partition, store: Store) -> None:
    index = store.root / "partitions" / f"{partition.digest[:16]}.npz"
    if index.exists():
        return
    tidy_partitions(store)
    try:
        partition.save(index)
    except OSError as error:
        raise BenchmarkError(f"{index}: cannot be stored: {error}") from None


@dataclass
class _Watch:
    """Actions between the rounds of a job: events, checkpoints, and stopping early."""

    job: Job
    checkpoints: Checkpoints
    listen: Listener
    stopped: Callable[[], bool]
    _shown: float = field(default=0.0, init=False)
    _generators: Generators = field(default_factory=Generators.now, init=False)

    def say(self, note: str, rounds: int = 0) -> None:
        """Send an event with a note."""
        self.listen(Event(self.job, rounds, {}, note=note))

    def progress(self, round_: int, scores: Callable[[], Mapping[str, float]]) -> None:
        """Send an event with the scores of an evaluated round, not too often."""
        if time.perf_counter() - self._shown > SHOWN_EVERY:
            self._shown = time.perf_counter()
            self.listen(Event(self.job, round_ + 1, scores()))

    def require_no_draws(self) -> None:
        """Raise BenchmarkError if training has drawn from a global generator."""
        try:
            self._generators.require_unused()
        except TraceError as error:
            raise BenchmarkError(f"{self.job.method}: {error}") from None

    def keep(self, take: Callable[[], Snapshot]) -> None:
        """Save a snapshot if one is due; raise Interrupted if the job is to stop."""
        stop = self.stopped()
        if not (stop or self.checkpoints.due):
            return
        self.require_no_draws()
        snapshot = take()
        fate = f"round {snapshot.rounds} of {self.job.cell.rounds} is saved"
        try:
            self.checkpoints.save(snapshot)
        except OSError as error:
            fate = f"{self.checkpoints.folder}: no checkpoint: {error.strerror}"
            self.say(f"{fate}; training goes on", snapshot.rounds)
        if stop:
            raise Interrupted(f"{self.job.label}: {fate}")


def _records(
    job: Job, prepared: _Prepared, settings: Settings, results: Sequence[Result], wall: float
) -> Iterator[Run]:
    """The record of each seed's run."""
    convolutions = prepared.problem.federation.convolutions
    made_with = environment(torch.device(settings.device), convolutions)
    if prepared.checkpoints.resumed:
        made_with["resumed"] = "after round " + ", ".join(map(str, prepared.checkpoints.resumed))
    for seed, result in zip(job.seeds, results, strict=True):
        yield Run(
            cell=job.cell,
            seed=seed,
            hyper=prepared.method.settings(job.cell.hyper),
            parameters=result.parameters,
            source=prepared.method.source,
            code=prepared.method.code,
            partition=prepared.partition,
            data=prepared.data,
            partition_summary=prepared.summary,
            started=prepared.checkpoints.started,
            wall_seconds=round(wall, 3),
            seeds_stacked=len(job.seeds),
            environment=made_with,
            command=settings.command.encode(errors="backslashreplace").decode(),
            diverged=result.diverged,
            costs=prepared.costs,
            checksums={},
        )


def _divergence(job: Job, results: Sequence[Result]) -> str:
    """The diverged seeds in words; empty if there are none."""
    lost = [
        f"seed {seed} at round {result.diverged}"
        for seed, result in zip(job.seeds, results, strict=True)
        if result.diverged is not None
    ]
    return f"diverged: {', '.join(lost)}" if lost else ""
