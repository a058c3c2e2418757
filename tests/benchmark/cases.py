"""Small cells, experiments, methods and records, and the form of an error message."""

import copy
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.errors import BenchmarkError
from benchmark.jobs.data import Source
from benchmark.jobs.job import Event, Job, Settings
from benchmark.jobs.perform import perform
from benchmark.spec import Cell
from benchmark.spec.validation import parse
from benchmark.store import Run, Store, read_table

ROOT = Path(__file__).resolve().parents[2]

PLAIN = """
algorithm = "fedavg"
rounds = 2
active_clients = 2
batch_size = 32
participation = "all"
aggregation = "samples"
batches = "shuffled_passes"
global_scored = "after"
data.name = "digits"
model.name = "mlr"
partition = { kind = "iid", clients = 4, train_fraction = 0.5 }
"""

EXPERIMENT = """
title = "Tiny"
protocols = ["as_described"]
[[grid]]
dataset = ["digits"]
model = ["mlr"]
algorithm = ["fedavg", "local"]
active_clients = [2]
[[rules]]
[rules.set]
rounds = 4
batch_size = 32
partition = { kind = "iid", clients = 4, train_fraction = 0.5 }
[profiles.paper]
seeds = 2
[profiles.smoke]
seeds = 1
rounds = 2
"""

MINE = '''
"""Averaged steps of a size of its own."""

from dataclasses import dataclass
from typing import NamedTuple

from benchmark.algorithm import Cohort, Globals, Positive


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings."""

    eta: Positive = 0.1


class State(NamedTuple):
    """The server's."""

    w: Globals


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """Start."""
    return State(w)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """Two steps."""
    rows = cohort.spread(state.w)
    for batch in cohort.batches(2):
        rows = rows - hyper.eta * cohort.grad(rows, batch)
    return State(cohort.mean(rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> None:
    """None."""
'''


def plain(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a small cell on digits, with those at dotted names changed."""
    return changed(tomllib.loads(PLAIN), changes or {})


def changed(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    fresh: dict[str, Any] = copy.deepcopy(dict(data))
    for name, value in changes.items():
        *outer, last = name.split(".")
        table = fresh
        for key in outer:
            table = table.setdefault(key, {})
        table[last] = value
    return fresh


def cell(changes: Mapping[str, Any] | None = None) -> Cell:
    return parse(Cell, plain(changes), "test.toml")


def record(of: Cell, seed: int = 0, **more: Any) -> Run:
    settings: dict[str, Any] = {
        "cell": of,
        "seed": seed,
        "hyper": {"eta": 0.01, "E": 10},
        "parameters": 650,
        "source": "ab" * 32,
        "partition": "cd" * 32,
        "partition_summary": {"clients": 4, "size_median": 449.5},
        "started": "2025-01-01T00:00:00+00:00",
        "wall_seconds": 1.5,
        "seeds_stacked": 1,
        "environment": {"python": "3.11"},
        "command": "python -m benchmark run tiny",
        "checksums": {},
    }
    return Run(**settings | more)


def complaint(call: Callable[[], object]) -> str:
    """The error that a user sees, which must be one line."""
    with pytest.raises(BenchmarkError) as caught:
        call()
    line = str(caught.value)
    assert line
    assert "\n" not in line
    return line


def settings(root: Path, source: Source | None = None) -> Settings:
    return Settings(Store(root), source or Source(), "cpu", 1, "python -m benchmark run tiny")


def job(of: Cell, *seeds: int) -> Job:
    return Job(of, seeds or (0,), of.algorithm)


def trained(root: Path, *jobs: Job, listen: Callable[[Event], None] = lambda _: None) -> Store:
    """Perform jobs one after the other."""
    for each in jobs:
        perform(each, settings(root), listen)
    return Store(root)


def tables(store: Store, of: Cell, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """History without times, and clients, of a stored run."""
    run = store.find(of, seed)
    assert run is not None
    folder = store.folder(of, seed)
    history = read_table(folder, run, "history.parquet").drop(columns="seconds")
    return history, read_table(folder, run, "clients.parquet")


PROTOCOL = """
description = "Tiny"
reduction = "last"
smoothing = 1
[[rules]]
[rules.set]
participation = "all"
aggregation = "uniform"
batches = "fixed_order"
global_scored = "after"
"""
Expand = Callable[..., list[Cell]]


def rule(words: str, where: str = "") -> str:
    return f"\n[[rules]]\n{where}\n[rules.set]\n{words}\n"
