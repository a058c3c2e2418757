"""Perform jobs on a Ray cluster whose nodes share the store and the checkout."""

import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmark.errors import BenchmarkError, one_line
from benchmark.jobs.attempt import Outcome, attempt
from benchmark.jobs.environment import distributions, prepare_process
from benchmark.jobs.job import Event, Job, Listener, Settings
from benchmark.jobs.news import News
from benchmark.jobs.stop import Stop
from benchmark.jobs.workers import conclude
from benchmark.places import ROOT
from benchmark.store import Store

RETRIES = 5
"""How often a job moves to another node after its node is lost; it resumes from its checkpoint."""
LOOK_EVERY = 1.0
"""Seconds between a task's checks whether its command is to stop."""


@dataclass(frozen=True)
class _Command:
    """The facts about a command that its tasks need."""

    token: Path
    """A file in the store that exists while the command waits; tasks stop once it is removed."""
    versions: dict[str, str]
    """Versions of distributions on the command's machine, by name."""


def run_on_cluster(
    jobs: Sequence[Job],
    settings: Settings,
    address: str,
    listen: Listener,
    time_limit: float | None = None,
) -> None:
    """Perform every job as a task of the Ray cluster at ``address`` (``auto``: this node's own).

    A task takes ``settings.threads`` CPUs, and a GPU if the device is one. Failures, signals
    and ``time_limit`` are handled as in :func:`benchmark.jobs.workers.run_all`.
    """
    ray = _imported()
    stop = Stop(time_limit)
    shared = replace(settings, store=Store(settings.store.root.resolve()))
    command = _Command(shared.store.root / f".command-{uuid4().hex}", distributions())
    with stop.on_signals():
        _connect(ray, address)
    with stop.on_signals():  # again, because Ray's start installs its own handlers
        try:
            _open(command.token)
            task = ray.remote(
                num_cpus=settings.threads,
                num_gpus=int(settings.device == "cuda"),
                max_retries=RETRIES,
            )(_perform)
            with News(listen) as news:
                waiting = {task.remote(job, shared, command): job for job in jobs}
                conclude(_collect(ray, waiting, news.tell, stop, command.token))
        finally:
            command.token.unlink(missing_ok=True)
            with stop.on_signals():  # however many have come: the next must not cut the shutdown
                ray.shutdown()


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise BenchmarkError('--ray needs Ray: pip install ".[distributed]"') from None
    return ray


def _connect(ray: Any, address: str) -> None:
    """Connect Ray to the cluster. Raises BenchmarkError if there is none."""
    passed = {"PYTHONPATH": str(ROOT)} | {
        name: os.environ[name] for name in ("PFL_DATA_ROOT",) if name in os.environ
    }
    try:
        _answers(address)
        ray.init(
            address=address,
            runtime_env={"env_vars": passed},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise BenchmarkError(f"--ray {address}: no such cluster: {one_line(error)}") from None


def _answers(address: str) -> None:
    """Raise OSError unless the address answers in ten seconds; Ray itself waits for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _open(token: Path) -> None:
    try:
        token.parent.mkdir(parents=True, exist_ok=True)
        token.touch()
    except OSError as error:
        raise BenchmarkError(f"{token}: cannot be stored: {error.strerror}") from None


def _perform(job: Job, settings: Settings, command: _Command) -> tuple[Outcome, str]:
    """Perform a job on a node; return its outcome and the last note on it."""
    fault = node_fault(command.token, command.versions, distributions())
    if fault:
        return Outcome("failed", f"{job.label}: node {socket.gethostname()}: {fault}"), fault
    prepare_process(settings.threads, settings.precision)
    notes = [""]
    stopped = _watching(command.token)
    outcome = attempt(job, settings, lambda event: notes.append(event.note), stopped)
    return outcome, notes[-1]


def node_fault(token: Path, theirs: dict[str, str], ours: dict[str, str]) -> str:
    """The reason why a node cannot make the runs of a command; empty if it can."""
    if not token.parent.is_dir():
        return f"{token.parent}: the store is not there; it must lie on a path that all nodes share"
    changed = [
        f"{name} {ours.get(name, 'none')}, not {theirs.get(name, 'none')}"
        for name in sorted({*theirs, *ours})
        if ours.get(name) != theirs.get(name)
    ]
    return f"other versions: {'; '.join(changed)}" if changed else ""


def _watching(token: Path) -> Callable[[], bool]:
    """A function that tells whether the command has removed its token, checked now and then."""
    seen = [time.monotonic(), 0.0]

    def stopped() -> bool:
        if time.monotonic() - seen[0] > LOOK_EVERY:
            seen[0] = time.monotonic()
            seen[1] = not token.exists()
        return bool(seen[1])

    return stopped


def _collect(
    ray: Any, waiting: dict[Any, Job], listen: Listener, stopped: Callable[[], bool], token: Path
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    while waiting:
        if stopped():
            token.unlink(missing_ok=True)
        done, _ = ray.wait(list(waiting), timeout=LOOK_EVERY)
        for one in done:
            job = waiting.pop(one)
            outcome, note = _outcome(ray, one, job)
            outcomes.append(outcome)
            listen(Event(job, job.cell.rounds, {}, finished=True, note=note))
    return outcomes


def _outcome(ray: Any, one: Any, job: Job) -> tuple[Outcome, str]:
    try:
        outcome: tuple[Outcome, str] = ray.get(one)
    except ray.exceptions.RayTaskError as error:
        return Outcome("failed", f"{job.label}: {one_line(error.cause or error)}"), "failed"
    except ray.exceptions.RayError as error:
        return Outcome("failed", f"{job.label}: lost with its node: {one_line(error)}"), "lost"
    return outcome
