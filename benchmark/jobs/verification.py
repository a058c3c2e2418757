"""Does a stored run come out the same, bit for bit, when it is made again here?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import torch

from benchmark.engine.methods import load_method
from benchmark.engine.training import Problem, run
from benchmark.errors import BenchmarkError
from benchmark.jobs.data import Source, material
from benchmark.jobs.environment import environment
from benchmark.store import read_run, read_table


@dataclass(frozen=True)
class Verification:
    """What came of making a run again.

    evaluations: how many were compared. first: the first that differs, as text; None where all
    are the same bits. changes: what is not as it was when the run was made: reasons for bits
    to differ.
    """

    evaluations: int
    first: str | None
    changes: tuple[str, ...]


def verify(
    folder: Path,
    rounds: int,
    source: Source,
    device: str,
    methods: Mapping[str, str] = MappingProxyType({}),
) -> Verification:
    """Make the run in ``folder`` again for its first ``rounds`` rounds and compare histories.

    Raises BenchmarkError where the record or its tables cannot be read, or where the data or
    the settings are no longer the run's.
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
    if partition.digest != stored.partition:
        raise BenchmarkError(f"{folder}: partition: {partition.digest}, not {stored.partition}")
    short = cell.model_copy(update={"rounds": min(rounds, cell.rounds)})
    problem = Problem.of(short, arrays, x, partition, (stored.seed,), torch.device(device))
    again = run(short, method, problem)[0].history
    evaluations, first = difference(history, again)
    now = environment(torch.device(device), problem.federation.convolutions)
    then = {"convolutions": "torch"} | stored.environment  # the only way there was, once
    changes = [
        f"{key}: {then.get(key, 'unknown')}, now {value}"
        for key, value in now.items()
        if value != then.get(key) and key != "commit"
    ]
    if method.source != stored.source:
        changes.append(f"{method.path.name}: another text")
    if stored.seeds_stacked > 1:
        changes.append(f"seeds in one program: {stored.seeds_stacked}, now 1")
    return Verification(evaluations, first, tuple(changes))


def difference(stored: pd.DataFrame, again: pd.DataFrame) -> tuple[int, str | None]:
    """Shared evaluations, and where the first of them differs in anything but seconds.

    A loss that was not evaluated in one of them is not compared.
    """
    both = stored.merge(again, on="round", suffixes=("", " again"), sort=True)
    columns = [c for c in stored if c in set(again) - {"round", "seconds"}]
    for row in both.to_dict("records"):
        for column in columns:
            ours, theirs = row[f"{column} again"], row[column]
            if not (pd.isna(ours) or pd.isna(theirs) or ours == theirs):
                return len(both), (
                    f"round {row['round']}, {column}: {theirs!r} stored, {ours!r} now "
                    f"(difference {ours - theirs:.2g})"
                )
    return len(both), None
