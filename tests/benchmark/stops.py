"""Stop runs, to continue them later."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmark.errors import Interrupted
from benchmark.jobs.job import Event, Job
from benchmark.jobs.perform import perform
from benchmark.spec import Cell
from benchmark.store import Store
from tests.benchmark.cases import settings, tables

ROUNDS = 6
FIXED = {"partition.seed": 0, "rounds": ROUNDS}


def after(rounds: int) -> Callable[[], bool]:
    """A function that asks a run to stop after this many rounds."""
    asked = iter([*[False] * (rounds - 1), *[True] * 99])
    return lambda: next(asked)


def stopped(root: Path, of: Job, rounds: int, every: float = 0.0) -> list[Event]:
    """Stop a run after this many rounds, with a checkpoint at each; returns its events."""
    heard: list[Event] = []
    with pytest.raises(Interrupted):
        perform(of, replace(settings(root), checkpoint_every=every), heard.append, after(rounds))
    return heard


def gone_on(root: Path, of: Job) -> list[str]:
    heard: list[Event] = []
    perform(of, settings(root), heard.append)
    return [event.note for event in heard if event.note]


def assert_same(one: Store, other: Store, of: Cell, *seeds: int) -> None:
    for seed in seeds:
        for ours, theirs in zip(tables(one, of, seed), tables(other, of, seed), strict=True):
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
