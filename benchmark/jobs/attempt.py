"""One job tried: whatever goes wrong in it is a line of text, and the next one can be tried."""

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
"""What torch's errors say where it has too little."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    kind: Literal["made", "failed", "interrupted"]
    text: str = ""
    """Which job, and why it is not made, in one line."""


def attempt(job: Job, settings: Settings, listen: Listener, stopped: Callable[[], bool]) -> Outcome:
    """Perform a job unless it is to stop before it has begun; never raises an Exception."""
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
    """Which job failed, and why, in one line; a bug with the line of code where it showed."""
    text = one_line(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in text for words in MEMORY
    ):
        return f"{job.label}: not enough memory ({text})"
    if isinstance(error, OneLineError):
        return f"{job.label}: {text}"
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{job.label}: {type(error).__name__}: {text} ({at.filename}, line {at.lineno})"
