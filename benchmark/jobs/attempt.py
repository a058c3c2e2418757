"""Attempt one job; turn any failure into one line of text, so that the next job can start."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from benchmark.errors import Interrupted, one_line
from benchmark.jobs.job import Job, Listener, Settings
from benchmark.jobs.perform import perform
from datasets.errors import OneLineError

MEMORY = ("allocate memory", "out of memory")
"""Texts in torch's errors when memory is exhausted."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job."""

    kind: Literal["made", "failed", "interrupted"]
    """Whether the job was made, failed, or was interrupted."""
    text: str = ""
    """The job and the reason why it was not done, in one line."""


def attempt(job: Job, settings: Settings, listen: Listener, stopped: Callable[[], bool]) -> Outcome:
    """Perform a job, unless ``stopped`` before it begins. Never raises an Exception."""
    if stopped():
        return Outcome("interrupted", f"{job.label} was not begun")
    try:
        if perform(job, settings, listen, stopped):
            return Outcome("made")
        return Outcome("failed", f"{job.label}: left to the process that makes it")
    except Interrupted as stop:
        return Outcome("interrupted", str(stop))
    except Exception as error:
        return Outcome("failed", failure(job, error))


def failure(job: Job, error: Exception) -> str:
    """The failed job and the reason, in one line; for a bug with the line of code."""
    text = one_line(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in text for words in MEMORY
    ):
        return f"{job.label}: not enough memory ({text})"
    if isinstance(error, OneLineError):
        return f"{job.label}: {text}"
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{job.label}: {type(error).__name__}: {text} ({at.filename}, line {at.lineno})"
