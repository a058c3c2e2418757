"""From files to frames: what the paper published, and what a store holds of an experiment."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.places import RESULTS
from benchmark.spec import (
    Cell,
    Experiment,
    Protocol,
    Switch,
    cells,
    load_experiment,
    load_protocol,
    profile_of,
)
from benchmark.store import AGAIN, Run, Store, read_table
from reports.names import SCORES, model_name, variant_label
from reports.statistics import REDUCTIONS, reduce

KEY = r"\w+-\w+-([a-z][a-z0-9_]{0,63})-[0-9a-f]{12}"
"""A cell's folder: data-model-algorithm-hash."""
FULL_SCALE, SHORT = "paper", "short"
"""Profiles: the paper's lengths, and the one whose runs stand in, as partial, where they lack."""
RUN_COLUMNS = (
    *("cell", "dataset", "model", "active_clients", "partition", "algorithm", "variant"),
    *("rounds", "full_rounds", "seed", "diverged", "scores", "value", *REDUCTIONS),
)


@dataclass(frozen=True)
class Results:
    """What a store holds of one experiment under one protocol and profile.

    cells: those with at least one run, by key. runs: their records, in the same order.
    scores: a row for every cell × seed × scores ("global", "personal"), columns RUN_COLUMNS;
    ``value`` is reduced as the protocol says, the columns named after reductions hold each
    of them, all in percent; ``diverged`` is the round at which the run ended early, if it
    did. histories: every history stacked, as stored, with the columns ``cell`` and ``seed``.
    """

    experiment: Experiment
    protocol: Protocol
    profile: str
    cells: dict[str, Cell]
    runs: tuple[Run, ...]
    scores: pd.DataFrame
    histories: pd.DataFrame

    @property
    def partial(self) -> bool:
        """Is any run here shorter than the paper's?"""
        return bool((self.scores["rounds"] < self.scores["full_rounds"]).any())


@cache
def published_tables() -> pd.DataFrame:
    """Every accuracy the paper prints, in percent.

    Columns table, dataset, model, active_clients, algorithm, scores, mean, std, lam, beta, K;
    NaN where the paper states none.
    """
    path = RESULTS / "published" / "published_tables.json"
    return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["cells"])


@cache
def published_curves() -> pd.DataFrame:
    """The vertices of the paper's curves, smoothed as drawn.

    Columns figure, panel, dataset, model, active_clients, metric (test_accuracy, a fraction;
    train_loss, in nats), series, round, value, exact.
    """
    return pd.read_csv(RESULTS / "published" / "published_curves.csv")


def variant(
    experiment: Experiment, point: tuple[str, str, int], algorithm: str, hyper: Mapping[str, Any]
) -> str:
    """What tells a cell from the others of its method at the same point: the settings that the
    grids sweep there, one that a grid leaves alone counting as a value.

    point: data set, model, active clients. hyper: the method's settings and the switches.
    """
    data, model, active = point
    here = [
        grid.sweeps
        for grid in experiment.grid
        if data in grid.dataset
        and model in grid.model
        and active in grid.active_clients
        and {algorithm, "*"} & {*grid.algorithm}
    ]
    values = {
        key: {v for axes in here for v in axes.get(key, (None,))} for axes in here for key in axes
    }
    swept = {key for key, found in values.items() if len(found) > 1} & hyper.keys()
    return variant_label({key: hyper[key] for key in swept})


def load(experiment: Experiment, protocol: Protocol, profile: str, store: Path) -> Results:
    """The runs of one experiment under one protocol; empty frames where there is none."""
    shelf = Store(store)
    wanted = _cells_or_shorter(experiment, protocol, profile, store)
    scale = FULL_SCALE if FULL_SCALE in experiment.profiles else profile
    full = {_apart_from_length(c): c.rounds for c in _cells(experiment, protocol, scale, store)}
    found: dict[str, Cell] = {}
    runs: list[Run] = []
    histories: list[pd.DataFrame] = []
    rows: list[dict[str, Any]] = []
    for cell, run in _runs(shelf, wanted):
        history = _history(shelf.folder(cell, run.seed), run)
        about = _about(experiment, cell) | {
            "full_rounds": full.get(_apart_from_length(cell), cell.rounds),
            "seed": run.seed,
            "diverged": run.diverged,
        }
        reduced = list(_reduced(history, protocol.reduction))
        if not reduced:  # its method has no models to score: nothing to report
            continue
        rows += [about | scored for scored in reduced]
        found[cell.key] = cell
        runs.append(run)
        histories.append(history.assign(cell=cell.key, seed=run.seed))
    stacked = pd.concat(histories, ignore_index=True) if histories else pd.DataFrame()
    scores = pd.DataFrame(rows, columns=list(RUN_COLUMNS))
    return Results(experiment, protocol, profile, found, tuple(runs), scores, stacked)


def load_all(
    names: Sequence[str], store: Path, profile: str, protocols: Sequence[str] | None = None
) -> list[Results]:
    """Results of every experiment under ``protocols``, or else under those with any run.

    Raises BenchmarkError, naming the store and the command to run, where there is nothing
    to report.
    """
    found = []
    for name in names:
        experiment = load_experiment(name)
        chosen = [load_protocol(p) for p in (protocols or experiment.protocols)]
        every = [load(experiment, protocol, profile, store) for protocol in chosen]
        some = [results for results in every if results.runs]
        if not some or (protocols and len(some) < len(every)):
            missing = next(r.protocol.name for r in every if not r.runs)
            raise BenchmarkError(_nothing(experiment, name, missing, profile, store))
        found += some
    return found


def reported(
    names: Sequence[str], store: Path, profile: str, protocols: Sequence[str] | None = None
) -> list[str]:
    """Those of several experiments that the store has any run of; a single one is its own answer
    (the error that ``load_all`` raises says how to make its runs)."""
    if len(names) == 1:
        return list(names)
    found = []
    for name in names:
        experiment = load_experiment(name)
        chosen = [load_protocol(p) for p in (protocols or experiment.protocols)]
        every = (c for p in chosen for c in _cells_or_shorter(experiment, p, profile, store))
        if any(_has_run(store, cell) for cell in every):
            found.append(name)
    return found or list(names[:1])


def _runs(shelf: Store, wanted: Sequence[Cell]) -> Iterator[tuple[Cell, Run]]:
    for cell in wanted:
        folders = (shelf.root / cell.key).glob("seed-*")
        names = [folder.name.removeprefix("seed-") for folder in folders]
        for seed in sorted(int(name) for name in names if name.isdecimal()):
            if (run := shelf.find(cell, seed)) is not None:
                yield cell, run


def _history(folder: Path, run: Run) -> pd.DataFrame:
    table = read_table(folder, run, "history.parquet")
    path, last = folder / "history.parquet", run.cell.rounds - 1
    rounds = table.get("round", pd.Series([-1]))
    ordered = rounds.is_monotonic_increasing and rounds.is_unique and len(rounds)
    if not (ordered and rounds.dtype.kind == "i" and rounds.between(0, last).all()):
        raise BenchmarkError(f"{path}: round: allowed: 0 to {last}, each once, in order; {AGAIN}")
    for column in table.filter(like="accuracy"):
        if not table[column].dropna().between(0, 1).all():
            raise BenchmarkError(f"{path}: {column}: allowed: 0 to 1; {AGAIN}")
    return table


def _cells(experiment: Experiment, protocol: Protocol, profile: str, store: Path) -> list[Cell]:
    """The experiment's own cells and, unless it sweeps settings of its methods, the same with
    any other method that the store knows."""
    size = profile_of(experiment, profile)
    folders = (re.fullmatch(KEY, folder.name) for folder in store.glob("*/"))
    stored = sorted({found[1] for found in folders if found})
    if any(grid.sweeps for grid in experiment.grid):
        stored = []
    own = cells(experiment, protocol, size)
    added = cells(experiment, protocol, size, stored) if stored else []
    return list({cell.digest: cell for cell in [*own, *added]}.values())


def _cells_or_shorter(
    experiment: Experiment, protocol: Protocol, profile: str, store: Path
) -> list[Cell]:
    """The cells of a profile; of FULL_SCALE, one without runs gives way to its SHORT one."""
    wanted = _cells(experiment, protocol, profile, store)
    if profile != FULL_SCALE or SHORT not in experiment.profiles:
        return wanted
    others = {_apart_from_length(c): c for c in _cells(experiment, protocol, SHORT, store)}
    return [c if _has_run(store, c) else others.get(_apart_from_length(c), c) for c in wanted]


def _has_run(store: Path, cell: Cell) -> bool:
    return any((store / cell.key).glob("seed-*/run.json"))


def _apart_from_length(cell: Cell) -> str:
    return cell.model_copy(update={"rounds": 1, "evaluate_every": 1}).digest


def _about(experiment: Experiment, cell: Cell) -> dict[str, Any]:
    return {
        "cell": cell.key,
        "dataset": cell.data.name,
        "model": model_name(cell),
        "active_clients": cell.active_clients,
        "partition": cell.partition.label,
        "algorithm": cell.algorithm,
        "variant": variant(
            experiment,
            (cell.data.name, model_name(cell), cell.active_clients),
            cell.algorithm,
            {name: getattr(cell, name) for name in get_args(Switch)} | cell.hyper,
        ),
        "rounds": cell.rounds,
    }


def _reduced(history: pd.DataFrame, reduction: str) -> Iterator[dict[str, Any]]:
    for scores in SCORES:
        column = f"{scores}_accuracy"
        if column in history and history[column].notna().any():
            each = {name: 100 * reduce(history[column], name) for name in REDUCTIONS}
            yield {"scores": scores, "value": each[reduction], **each}


def _nothing(experiment: Experiment, name: str, protocol: str, profile: str, store: Path) -> str:
    others = [
        other
        for other in experiment.profiles
        if other != profile and load(experiment, load_protocol(protocol), other, store).runs
    ]
    command = f"python -m benchmark run {name} --profile {profile} --protocol {protocol}"
    hint = f" (it has those of --profile {others[0]})" if others else ""
    return (
        f"{store}: no run of {name} under {protocol}, profile {profile}{hint}; "
        f"make them with: {command}"
    )
