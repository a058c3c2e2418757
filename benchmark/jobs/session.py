"""Plan a request, share its jobs out over processes, and train."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.jobs.choices import Choices
from benchmark.jobs.data import Source
from benchmark.jobs.environment import device_of, precision_of
from benchmark.jobs.job import EVERY, Job, Listener, Settings
from benchmark.jobs.plan import plan
from benchmark.jobs.request import Request
from benchmark.jobs.tuning import Trials
from benchmark.places import RUNS
from benchmark.store import Store

MOST_JOBS = 1024


@dataclass(frozen=True, kw_only=True)
class Means:
    """Where and how runs are made; only rounding may depend on it."""

    store: Path = RUNS
    """Folder where runs are kept."""
    data_root: Path | None = None
    """Folder of the data sets. None: PFL_DATA_ROOT, or the default folder."""
    download: bool = False
    """True: fetch missing data sets."""
    jobs: int = 0
    """Number of processes. 0: one per core, or one on a GPU."""
    device: str = "auto"
    """``cpu``, ``cuda``, or ``auto``: a GPU where there is one."""
    precision: str = "float32"
    """Precision of matrix products: ``float32``, or ``tf32`` on a GPU."""
    graphs: bool = True
    """True: rounds on a GPU are recorded and replayed."""
    checkpoint_every: float = EVERY
    """Seconds between two checkpoints. 0: one after every round."""
    rerun: bool = False
    """True: train finished runs again."""
    keep_older: bool = False
    """True: keep finished runs even if their method's code has changed since."""
    keep_models: bool = False
    """True: runs keep their final models; those that have none are trained again."""
    time_limit: str | None = None
    """Time after which current rounds are finished and saved: ``90s``, ``9m``, ``1h30m``. None: no
    limit."""
    ray: str | None = None
    """Address of a Ray cluster that makes the runs, or ``auto``. None: this machine makes them."""


@dataclass(frozen=True)
class Session:
    """Jobs, and how to train them."""

    jobs: list[Job]
    """The jobs to perform."""
    settings: Settings
    """Settings of all jobs."""
    workers: int
    """Number of processes on this machine."""
    ray: str | None
    """Address of the Ray cluster that makes the runs. None: this machine makes them."""
    finished: int
    """Number of finished runs in the store."""
    outdated: list[str] = field(default_factory=list)
    """Methods whose code has changed since they made runs of these cells."""
    without_models: int = 0
    """Number of runs to train again because they have not kept their models."""
    time_limit: float | None = None
    """Time limit in seconds. None: no limit."""

    def train(self, listen: Listener) -> None:
        """Perform every job; ``listen`` gets their events. Raises JobsFailed at the end."""
        if self.ray:
            from benchmark.jobs.cluster import run_on_cluster

            run_on_cluster(self.jobs, self.settings, self.ray, listen, self.time_limit)
        else:
            from benchmark.jobs import workers

            workers.run_all(self.jobs, self.settings, self.workers, listen, self.time_limit)


def prepare(request: Request | Trials, means: Means, command: str) -> Session:
    """Plan the missing runs of a request. command: the command line for their records.

    Raises BenchmarkError for means that this machine does not have, and if tuning must come first.
    """
    _check(means)
    device = device_of(means.device)
    jobs, finished, without_models, outdated = [], 0, 0, set()
    store = Store(means.store)
    wanted = request.wanted() if isinstance(request, Trials) else Choices(store).wanted(request)
    for cell, seeds in wanted:
        planned = plan(
            [cell],
            seeds,
            request.methods,
            store,
            stack=device == "cuda",
            rerun=means.rerun,
            keep_older=means.keep_older,
            keep_models=means.keep_models,
        )
        jobs += [job for job in planned.jobs if job not in jobs]
        finished += planned.finished
        without_models += planned.without_models
        outdated |= set(planned.outdated)
    workers, threads = shares(len(jobs), means.jobs, device, bool(means.ray))
    settings = Settings(
        store=store,
        source=Source(means.data_root, means.download),
        device=device,
        threads=threads,
        command=command,
        checkpoint_every=means.checkpoint_every,
        rerun=means.rerun,
        keep_older=means.keep_older,
        keep_models=means.keep_models,
        precision=precision_of(means.precision, device),
        graphs=means.graphs,
    )
    limit = None if means.time_limit is None else seconds_of(means.time_limit)
    return Session(
        jobs, settings, workers, means.ray, finished, sorted(outdated), without_models, limit
    )


def seconds_of(text: str) -> float:
    """The seconds in ``90s``, ``9m``, ``1h30m`` or ``600``. Raises BenchmarkError for others."""
    parts = re.fullmatch(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,7})s?)?", text, re.ASCII)
    hours, minutes, seconds = (int(part or 0) for part in parts.groups()) if parts else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if total == 0:
        raise BenchmarkError(
            f"--time-limit {text}: allowed: 90s, 9m, 1h30m, or more than 0 seconds"
        )
    return float(total)


def shares(jobs: int, asked: int, device: str, on_cluster: bool) -> tuple[int, int]:
    """The number of processes, and of threads per process.

    asked: number of processes. 0: one per available core, at most one per job; one on a GPU.
    Cores are shared out evenly. A task on a cluster has one thread.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    workers = asked or (1 if device == "cuda" else min(cores, max(jobs, 1)))
    return workers, 1 if on_cluster else max(1, cores // workers)


def _check(means: Means) -> None:
    if not 0 <= means.jobs <= MOST_JOBS:
        raise BenchmarkError(
            f"--jobs {means.jobs}: allowed: 0 (one per core, one on a GPU) to {MOST_JOBS}"
        )
    if not means.checkpoint_every >= 0:
        raise BenchmarkError(
            f"--checkpoint-every {means.checkpoint_every:g}: allowed: 0 or more seconds"
        )
    if means.keep_older and means.keep_models:
        raise BenchmarkError(
            "--keep-older and --keep-models: allowed: one of them, because an older run without "
            "models is trained again"
        )
    if means.ray and means.jobs:
        raise BenchmarkError("--ray and --jobs: allowed: one of them")
