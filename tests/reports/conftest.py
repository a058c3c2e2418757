"""Tiny stores of made-up runs whose numbers can be worked out by hand.

The experiment ``tiny`` has the cells of Table 1 at 30 rounds ("paper") or 10 ("quick"). A made
run scores its base at every round, and 2 points more at round 5; seed s adds s tenths of a point.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from benchmark.places import ALGORITHMS
from benchmark.spec import Cell, Scalar, cells, load_experiment, load_protocol
from benchmark.spec.method_code import file_digest
from benchmark.store import Costs, Run, Store
from reports.published import published_tables
from reports.results import Results, load
from reports.stored import Library

SPIKE, STEP = 0.02, 0.001
TINY = """
title = "Tiny: 50 % of A & B"
table = 1
extends = "table1"
[profiles.paper]
seeds = 2
rounds = 30
[profiles.quick]
seeds = 2
rounds = 10
[profiles.short]
seeds = 1
rounds = 12
"""
METHODS = ("fedavg", "pfedme", "perfedavg", "local", "pfml")
CPU = {"python": "3.11", "device": "cpu (x86_64)", "tf32": "False"}
Made = Callable[[Cell, str], float | None]
Fill = Callable[..., Path]


def printed(cell: Cell, scores: str) -> float | None:
    """The base that puts the best of two seeds on Table 1's value; 0.5 where it has none."""
    has = {"fedavg": ("global",), "local": ("personal",)}
    if scores not in has.get(cell.algorithm, ("global", "personal")):
        return None
    table = published_tables()
    row = table[
        (table["table"] == 1)
        & (table["dataset"] == cell.data.name)
        & (table["model"] == cell.model.name)
        & (table["algorithm"] == cell.algorithm)
        & (table["scores"] == scores)
    ]
    return 0.5 if row.empty else float(row["mean"].iloc[0]) / 100 - SPIKE - STEP / 2


def _today(algorithm: str) -> str:
    path = ALGORITHMS / f"{algorithm}.py"
    return file_digest(path) if path.exists() else "ab" * 32


def history(cell: Cell, seed: int, made: Made) -> pd.DataFrame:
    rounds = range(cell.evaluate_every - 1, cell.rounds, cell.evaluate_every)
    table = pd.DataFrame({"round": list(rounds)})
    for scores in ("global", "personal"):
        if (base := made(cell, scores)) is not None:
            accuracy = base + STEP * seed + SPIKE * (table["round"] == 5)
            table[f"{scores}_accuracy"] = accuracy
            table[f"{scores}_train_loss"] = 2.0 - accuracy
    return table.assign(seconds=table["round"] * 0.1)


def loaded(
    experiment: str, store: Path, profile: str = "paper", protocol: str = "as_run"
) -> Results:
    """The results of an experiment in a store, whether or not it has any run."""
    library = Library(Store(store))
    return load(load_experiment(experiment), load_protocol(protocol), profile, library)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("experiment") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


@pytest.fixture
def fill(tmp_path: Path, make: Fill) -> Fill:
    """Make runs: ``fill(experiment, protocol, profile, seeds=…, methods=…, made=…)``."""
    return partial(make, tmp_path / "store")


@pytest.fixture(scope="session")
def make() -> Fill:
    """``fill`` with the store's folder as the first argument."""

    def make_runs(
        root: Path,
        experiment: str,
        protocol: str = "as_run",
        profile: str = "paper",
        seeds: Iterable[int] = (0, 1),
        methods: Iterable[str] = METHODS,
        made: Made = printed,
        diverged: int | None = None,
        environment: Mapping[str, str] = CPU,
        clients: Callable[[Cell, int], pd.DataFrame] | None = None,
        costs: Costs | None = None,
        source: str | None = None,
        hyper: Mapping[str, Scalar] | None = None,
    ) -> Path:
        store = Store(root)
        spec = load_experiment(experiment)
        size = spec.profiles[profile]
        for cell in cells(spec, load_protocol(protocol), size, list(methods)):
            for seed in seeds:
                run = Run(
                    cell=cell,
                    seed=seed,
                    hyper=dict(hyper or cell.hyper),
                    parameters=10,
                    source=source or _today(cell.algorithm),
                    partition="cd" * 32,
                    partition_summary={"clients": 20, "test_samples": 17507},
                    started="2025-01-01T00:00:00",
                    wall_seconds=3600.0,
                    costs=costs,
                    seeds_stacked=2,
                    environment=dict(environment),
                    command="python -m benchmark run tiny",
                    checksums={},
                    diverged=diverged,
                )
                sizes = pd.DataFrame({"train_size": [3], "test_size": [1]})
                table = clients(cell, seed) if clients else sizes
                store.write(run, history(cell, seed, made), table)
        return store.root

    return make_runs
