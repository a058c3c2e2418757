"""Repeat a stored run on this machine and compare the histories bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import torch

from benchmark.engine.methods import Method, load_method
from benchmark.engine.training import Problem, run
from benchmark.errors import BenchmarkError
from benchmark.jobs.data import Source, material
from benchmark.jobs.environment import CAN_CHANGE_NUMBERS, environment
from benchmark.store import Run, column, read_run, read_table


@dataclass(frozen=True)
class Difference:
    """Differences of two histories of one run, without the column of seconds."""

    evaluations: int
    """Number of compared evaluations."""
    first: str | None
    """The first different evaluation, in words. None: all bits are equal."""
    largest: Mapping[str, float]
    """Largest absolute difference of each column that differs."""

    @property
    def accuracies_agree(self) -> bool:
        """True if all accuracies are equal."""
        return not any(name.endswith(column("", "accuracy")) for name in self.largest)

    def within(self, tolerance: float) -> bool:
        """True if no score differs by more than ``tolerance``. 0: the bits must be equal."""
        return all(gap <= tolerance for gap in self.largest.values())


@dataclass(frozen=True)
class Verification:
    """The outcome of repeating a run."""

    difference: Difference
    """The differences of the two histories."""
    changes: tuple[str, ...]
    """Changes since the run was made that may explain different bits."""


def verify(
    folder: Path,
    rounds: int,
    source: Source,
    device: str,
    methods: Mapping[str, str] = MappingProxyType({}),
) -> Verification:
    """Repeat the first ``rounds`` rounds of the run in ``folder`` and compare histories.

    Raises BenchmarkError if the record or a table cannot be read, or if data or settings have
    changed since the run was made.
    """
    stored = read_run(folder)
    history = read_table(folder, stored, "history.parquet")
    cell, method = (
        stored.cell,
        load_method(methods.get(stored.cell.algorithm, stored.cell.algorithm)),
    )
    if not method.would_make(cell.hyper, stored.hyper):
        raise BenchmarkError(f"{folder}: hyper: the method's defaults have changed since")
    data = material(cell, stored.seed, source)
    arrays, x, partition = data.arrays, data.inputs, data.partition
    if arrays.digest != (stored.data or arrays.digest):
        raise BenchmarkError(f"{folder}: data: {arrays.digest}, not {stored.data}")
    if partition.digest != stored.partition:
        raise BenchmarkError(f"{folder}: partition: {partition.digest}, not {stored.partition}")
    short = cell.model_copy(update={"rounds": min(rounds, cell.rounds)})
    problem = Problem.of(short, arrays, x, partition, (stored.seed,), torch.device(device))
    again = run(short, method, problem)[0].history
    changes = _changes(stored, method, problem, torch.device(device))
    return Verification(difference(history, again), changes)


def _changes(
    stored: Run, method: Method, problem: Problem, device: torch.device
) -> tuple[str, ...]:
    now = environment(device, problem.federation.convolutions)
    then = {"convolutions": "torch"} | stored.environment  # all that older records could have
    older = [name for name in CAN_CHANGE_NUMBERS if name not in then]  # older records do not say
    changes = [
        f"{key}: {then.get(key, 'unknown')}, now {value}"
        for key, value in now.items()
        if value != then.get(key) and key not in older
    ]
    if method.source != stored.source:
        changes.append(f"{method.path.name}: another text")
    if stored.seeds_stacked > 1:
        changes.append(f"seeds in one program: {stored.seeds_stacked}, now 1")
    return tuple(changes)


def difference(stored: pd.DataFrame, again: pd.DataFrame) -> Difference:
    """The differences at the evaluations that both histories have.

    A loss that one of them does not have is not compared.
    """
    both = stored.merge(again, on="round", suffixes=("", " again"), sort=True)
    columns = [c for c in stored if c in set(again) - {"round", "seconds"}]
    gaps = pd.DataFrame({c: _gaps(both[c], both[f"{c} again"]) for c in columns})
    largest = {str(c): float(gap) for c, gap in gaps.max().items() if gap > 0}
    first = None
    if largest:
        row, column = divmod(int((gaps > 0).to_numpy().argmax()), len(columns))
        name = columns[column]
        theirs, ours = both[name].iloc[row], both[f"{name} again"].iloc[row]
        first = (
            f"round {both['round'].iloc[row]}, {name}: {theirs:.17g} stored, {ours:.17g} now "
            f"(difference {ours - theirs:.2g})"
        )
    return Difference(len(both), first, largest)


def _gaps(stored: "pd.Series[float]", again: "pd.Series[float]") -> "pd.Series[float]":
    """Absolute differences: infinite if only one value is finite, 0 if a value is missing."""
    gaps = (stored - again).abs()
    unequal = (stored != again) & stored.notna() & again.notna()
    return gaps.where(gaps.notna() | ~unequal, float("inf")).where(unequal, 0.0)
