"""The same jobs on a Ray cluster; the store and the checkout lie where every node sees them."""

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
"""How often a job is sent to another node when its own is lost; it goes on from its checkpoint."""
LOOK_EVERY = 1.0
"""Seconds between two looks of a task at whether its command is to stop."""


@dataclass(frozen=True)
class _Command:
    """What a task knows of the command that sent it, by files in the store that both see."""

    token: Path
    """There as long as the command waits for its tasks; stops them when it is gone."""
    versions: dict[str, str]
    """Distributions by name, as the command has them."""


def run_on_cluster(
    jobs: Sequence[Job],
    settings: Settings,
    address: str,
    listen: Listener,
    time_limit: float | None = None,
) -> None:
    """Perform every job as a task of the Ray cluster at ``address`` (``auto``: this node's own).

    A task takes ``settings.threads`` CPUs, and a GPU where the device is one. Failures, signals
    and ``time_limit`` are as for :func:`benchmark.jobs.workers.run_all`.
    """
    ray = _connected(address)
    stop = Stop(time_limit)
    shared = replace(settings, store=Store(settings.store.root.resolve()))
    command = _Command(shared.store.root / f".command-{uuid4().hex}", distributions())
    try:
        _open(command.token)
        task = ray.remote(
            num_cpus=settings.threads,
            num_gpus=int(settings.device == "cuda"),
            max_retries=RETRIES,
        )(_perform)
        with News(listen) as news, stop.on_signals():
            waiting = {task.remote(job, shared, command): job for job in jobs}
            conclude(_collect(ray, waiting, news.tell, stop, command.token))
    finally:
        command.token.unlink(missing_ok=True)
        ray.shutdown()


def _connected(address: str) -> Any:
    """Ray, connected to the cluster; BenchmarkError where there is none."""
    try:
        import ray
    except ImportError:
        raise BenchmarkError('--ray needs Ray: pip install ".[distributed]"') from None
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
    return ray


def _answers(address: str) -> None:
    """Ray would ask a silent address for minutes."""
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
    """On a node: what became of the job, and the last note on it."""
    fault = node_fault(command.token, command.versions, distributions())
    if fault:
        return Outcome("failed", f"{job.label}: node {socket.gethostname()}: {fault}"), fault
    prepare_process(settings.threads, settings.precision)
    notes = [""]
    stopped = _watching(command.token)
    outcome = attempt(job, settings, lambda event: notes.append(event.note), stopped)
    return outcome, notes[-1]


def node_fault(token: Path, theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Why a node cannot make the runs of a command, or nothing."""
    if not token.parent.is_dir():
        return f"{token.parent}: the store is not there; it must lie on a path that all nodes share"
    changed = [
        f"{name} {ours.get(name, 'none')}, not {theirs.get(name, 'none')}"
        for name in sorted({*theirs, *ours})
        if ours.get(name) != theirs.get(name)
    ]
    return f"other versions: {'; '.join(changed)}" if changed else ""


def _watching(token: Path) -> Callable[[], bool]:
    """True once the command has taken its token away, by a look now and then."""
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
