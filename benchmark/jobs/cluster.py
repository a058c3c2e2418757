"""The same jobs on a Ray cluster; the store and the checkout lie where every node sees them."""

import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.jobs.environment import prepare_process
from benchmark.jobs.job import Event, Job, Listener, Settings, raise_first
from benchmark.jobs.perform import perform
from benchmark.places import ROOT
from benchmark.store import Store
from datasets.errors import OneLineError

RETRIES = 5
"""How often a job is sent to another node when its own is lost; it goes on from its checkpoint."""


def run_on_cluster(jobs: Sequence[Job], settings: Settings, address: str, listen: Listener) -> None:
    """Perform every job as a task of the Ray cluster at ``address`` (``auto``: this node's own).

    A task takes ``settings.threads`` CPUs, and a GPU where the device is one. Raises the first
    failure when all jobs have been tried.
    """
    try:
        import ray
    except ImportError:
        raise BenchmarkError('--ray needs Ray: pip install ".[distributed]"') from None
    root = str(ROOT)
    passed = {"PYTHONPATH": root} | {
        name: os.environ[name] for name in ("PFL_DATA_ROOT",) if name in os.environ
    }
    shared = replace(settings, store=Store(settings.store.root.resolve()))
    try:
        _answers(address)
        ray.init(
            address=address,
            runtime_env={"env_vars": passed},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"--ray {address}: no such cluster: {reason}") from None
    try:
        task = ray.remote(
            num_cpus=settings.threads,
            num_gpus=int(settings.device == "cuda"),
            max_retries=RETRIES,
        )(_perform)
        waiting = {task.remote(job, shared): job for job in jobs}
        raise_first(_collect(ray, waiting, listen), len(jobs))
    finally:
        ray.shutdown()


def _answers(address: str) -> None:
    """Ray would ask a silent address for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _perform(job: Job, settings: Settings) -> str:
    """On a node: what became of the job, if that needs words."""
    prepare_process(settings.threads, settings.precision)
    notes: list[Event] = []
    perform(job, settings, notes.append)
    return notes[-1].note


def _collect(ray: Any, waiting: dict[Any, Job], listen: Listener) -> list[OneLineError]:
    failed: list[OneLineError] = []
    while waiting:
        done, _ = ray.wait(list(waiting), timeout=1.0)
        for one in done:
            job = waiting.pop(one)
            try:
                note = ray.get(one)
            except ray.exceptions.RayTaskError as error:
                if not isinstance(error.cause, OneLineError):
                    raise
                failed.append(error.cause)
                note = f"failed: {error.cause}"
            except ray.exceptions.RayError as error:
                lost = " ".join(str(error).split())
                failed.append(BenchmarkError(f"{job.label}: lost {RETRIES + 1} times: {lost}"))
                note = "lost"
            listen(Event(job, job.cell.rounds, {}, finished=True, note=note))
    return failed
