"""Many runs: planned, skipped where finished, trained in this process or in several."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.queues import SimpleQueue
from threading import Thread

import torch

from benchmark.environment import environment, prepare_process
from benchmark.errors import BenchmarkError
from benchmark.methods import load_method
from benchmark.preparation import Source, load, partition_of
from benchmark.spec import Cell
from benchmark.store import Run, Store
from benchmark.training import Problem, run


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
    """Where and how runs are made; nothing here changes what a run is."""

    store: Store
    source: Source
    device: str
    threads: int
    command: str


@dataclass(frozen=True)
class Event:
    """News of a job: rounds done, the latest scores, and whether it is over."""

    job: Job
    rounds: int
    scores: Mapping[str, float]
    finished: bool = False


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
        settings, missing = method.settings(cell.hyper), []
        for seed in seeds:
            done = None if rerun else store.find(cell, seed)
            if done is None or done.hyper != settings:
                missing.append(seed)
                continue
            finished += 1
            if done.source != method.source:
                outdated.add(cell.algorithm)
        name = str(method.path)
        if missing and stack and cell.one_partition:
            jobs.append(Job(cell, tuple(missing), name))
        else:
            jobs += [Job(cell, (seed,), name) for seed in missing]
    return Plan(jobs, finished, sorted(outdated))


def perform(job: Job, settings: Settings, listen: Listener) -> None:
    """Train one job and store its runs."""
    method, started = load_method(job.method), datetime.now(UTC)
    arrays, x = load(job.cell.data, settings.source)
    partition = partition_of(job.cell.partition, arrays, job.seeds[0])
    index = settings.store.root / "partitions" / f"{partition.digest[:16]}.npz"
    if not index.exists():
        try:
            partition.save(index)
        except OSError as error:
            raise BenchmarkError(f"{index}: cannot be stored: {error}") from None
    device, clock, shown = torch.device(settings.device), time.perf_counter(), [0.0]

    def progress(round_: int, scores: Callable[[], Mapping[str, float]]) -> None:
        if time.perf_counter() - shown[0] > 0.5:
            shown[0] = time.perf_counter()
            listen(Event(job, round_ + 1, scores()))

    problem = Problem.of(job.cell, arrays, x, partition, job.seeds, device)
    results = run(job.cell, method, problem, progress)
    wall = time.perf_counter() - clock
    for seed, result in zip(job.seeds, results, strict=True):
        record = Run(
            cell=job.cell,
            seed=seed,
            hyper=method.settings(job.cell.hyper),
            parameters=result.parameters,
            source=method.source,
            partition=partition.digest,
            partition_summary=partition.summary(arrays.y, arrays.classes),
            started=started.isoformat(timespec="seconds"),
            wall_seconds=round(wall, 3),
            seeds_stacked=len(job.seeds),
            environment=environment(device),
            command=settings.command,
            checksums={},
        )
        settings.store.write(record, result.history, result.clients)
    listen(Event(job, job.cell.rounds, {}, finished=True))


def run_all(jobs: Sequence[Job], settings: Settings, workers: int, listen: Listener) -> None:
    """Perform every job, in this process if ``workers`` is 1, else in that many of their own."""
    if workers == 1:
        prepare_process(settings.threads)
        for job in jobs:
            perform(job, settings, listen)
        return
    context = multiprocessing.get_context("spawn")
    news: SimpleQueue[Event | None] = context.SimpleQueue()
    relay = Thread(target=_relay, args=(news, listen), daemon=True)
    start = (settings.threads, news)
    with ProcessPoolExecutor(workers, context, _prepare_worker, start) as pool:
        relay.start()
        futures = [pool.submit(_perform_in_worker, job, settings) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
        except BrokenProcessPool:
            raise BenchmarkError(
                "a worker process died (out of memory?): finished runs are kept; "
                "the same command with fewer --jobs goes on"
            ) from None
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(cancel_futures=True)  # waits: no worker outlives the command
            raise
        finally:
            news.put(None)
            relay.join()


_news: "SimpleQueue[Event | None]"


def _prepare_worker(threads: int, news: "SimpleQueue[Event | None]") -> None:
    global _news
    _news = news
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    prepare_process(threads)


def _perform_in_worker(job: Job, settings: Settings) -> None:
    perform(job, settings, _news.put)


def _relay(news: "SimpleQueue[Event | None]", listen: Listener) -> None:
    while (event := news.get()) is not None:
        listen(event)
