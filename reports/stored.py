"""What a store holds of an experiment under one protocol; every file is read once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.places import algorithm_names
from benchmark.spec import Cell, Experiment, Protocol, Scalar, Switch, profile_of
from benchmark.store import AGAIN, SCORES, Run, Store, column, read_table
from benchmark.store.tuning import settled_cells
from reports.alone import is_alone_for
from reports.methods import Methods
from reports.names import model_name
from reports.statistics import REDUCTIONS, at_best_validation, reduce

FULL_SCALE, SHORT = "paper", "short"
"""Profiles: the paper's lengths, and the one whose runs stand in, as partial, for missing ones."""


@dataclass(frozen=True, eq=False)
class Library:
    """A store, read at most once per record and per table."""

    store: Store
    methods: Methods = field(default_factory=Methods)
    """The files of methods, to tell whether they have changed."""
    _runs: dict[tuple[str, int], Run | None] = field(default_factory=dict)
    _tables: dict[tuple[str, int, str], pd.DataFrame] = field(default_factory=dict)
    _alone: dict[tuple[str, str], list[Cell]] = field(default_factory=dict)
    _alone_made: dict[tuple[str, int], "Made"] = field(default_factory=dict)

    @cached_property
    def algorithms(self) -> list[str]:
        """The methods that the store knows."""
        return self.store.algorithms()

    def run(self, cell: Cell, seed: int) -> Run | None:
        """The record of a finished run, or None."""
        key = (cell.key, seed)
        if key not in self._runs:
            self._runs[key] = self.store.find(cell, seed)
        return self._runs[key]

    def alone(self, cell: Cell, full_rounds: int) -> "Made | None":
        """Local-only's runs on the data, the partition and the personal models of ``cell``.

        Where all clients train, the number of active clients does not matter to them.
        """
        personal = cell.auxiliary or cell.model
        for found in self._local_only(cell.data.name, personal.name):
            if is_alone_for(found, cell):
                key = found.key, full_rounds
                if key not in self._alone_made:
                    made = Made(found, full_rounds, (), dict(_runs(found, self)), self)
                    self._alone_made[key] = made
                return self._alone_made[key]
        return None

    def _local_only(self, dataset: str, model: str) -> list[Cell]:
        """Local-only's cells in the store on a data set with a model."""
        if (dataset, model) not in self._alone:
            start = f"{dataset}-{model}-local-"
            names = [name for name in self.store.cells() if name.startswith(start)]
            firsts = [next(self.store.runs_of(name)) for name in names]
            self._alone[dataset, model] = [run.cell for _, run in firsts]
        return self._alone[dataset, model]

    def table(self, cell: Cell, run: Run, name: str) -> pd.DataFrame:
        """``history.parquet``, with rounds and accuracies checked, or ``clients.parquet``."""
        key = (cell.key, run.seed, name)
        if key not in self._tables:
            folder = self.store.folder(cell, run.seed)
            table = read_table(folder, run, name)
            if name == "history.parquet":
                _check_history(table, folder / name, run.cell.rounds)
            self._tables[key] = table
        return self._tables[key]


@dataclass(frozen=True, eq=False)
class Made:
    """The finished runs of one cell, by seed."""

    cell: Cell
    full_rounds: int
    """Rounds that the cell has at full scale."""
    swept: tuple[tuple[str, Scalar], ...]
    """Settings that tell the cell from others of its method in the same column."""
    runs: Mapping[int, Run]
    """Records of the runs, by seed."""
    library: Library
    """The store that holds the runs."""

    @cached_property
    def histories(self) -> dict[int, pd.DataFrame]:
        """A row per evaluation, by seed."""
        return self._tables("history.parquet")

    @cached_property
    def clients(self) -> dict[int, pd.DataFrame]:
        """A row per client with its scores at the last evaluation, by seed."""
        return self._tables("clients.parquet")

    def _tables(self, name: str) -> dict[int, pd.DataFrame]:
        return {seed: self.library.table(self.cell, run, name) for seed, run in self.runs.items()}

    @property
    def rounds(self) -> int:
        """Rounds that the runs were asked for."""
        return self.cell.rounds

    @property
    def is_partial(self) -> bool:
        """True if the runs are shorter than the paper's."""
        return self.rounds < self.full_rounds

    @cached_property
    def scores(self) -> dict[str, pd.DataFrame]:
        """For ``global`` and ``personal``, where evaluated: seeds × reductions, in percent."""
        found = {}
        for scores in SCORES:
            name = column(scores, "accuracy")
            values = {
                seed: _reduced(history, scores)
                for seed, history in self.histories.items()
                if name in history and history[name].notna().any()
            }
            if values:
                found[scores] = pd.DataFrame.from_dict(values, orient="index")
        return found

    def curve(self, scores: str, metric: str) -> pd.DataFrame:
        """Rounds × seeds of a metric, over the rounds that every seed evaluated it in."""
        name = column(scores, metric)
        lines = {
            seed: history.set_index("round")[name]
            for seed, history in self.histories.items()
            if name in history
        }
        return pd.DataFrame(lines).dropna()


def _reduced(history: pd.DataFrame, scores: str) -> dict[str, float]:
    """The test accuracy of a history under each reduction, in percent."""
    values = history[column(scores, "accuracy")]
    found = {key: 100 * reduce(values, key) for key in REDUCTIONS}
    validation = history.get(column(scores, "validation_accuracy"))
    if validation is not None:
        found["at_best_validation"] = 100 * at_best_validation(values, validation)
    return found


@dataclass(frozen=True, eq=False)
class Stored:
    """What a store holds of one experiment under one protocol and profile."""

    experiment: Experiment
    """The experiment."""
    protocol: Protocol
    """The protocol."""
    profile: str
    """Name of the profile."""
    cells: dict[str, Cell]
    """Every cell of the experiment by key, with or without runs."""
    made: dict[str, Made]
    """The cells with runs that score anything."""
    library: Library
    """The store that holds the runs."""

    def alone(self, made: Made) -> Made | None:
        """Local-only's runs for the clients of ``made``; tuned like it in a tuned experiment."""
        if self.experiment.tuning is None:
            return self.library.alone(made.cell, made.full_rounds)
        own = (each for each in self.made.values() if each.cell.algorithm == "local")
        return next((each for each in own if is_alone_for(each.cell, made.cell, True)), None)

    @property
    def runs(self) -> list[Run]:
        """The records of all runs."""
        return [run for made in self.made.values() for run in made.runs.values()]

    @property
    def is_partial(self) -> bool:
        """True if any run is shorter than the paper's."""
        return any(made.is_partial for made in self.made.values())


def swept_settings(
    experiment: Experiment, point: tuple[str, str, int], algorithm: str, hyper: Mapping[str, Any]
) -> tuple[tuple[str, Scalar], ...]:
    """The settings that the grids sweep at this point, with their values in ``hyper``.

    A grid without the setting counts as one more value. point: data set, model, active clients.
    hyper: the method's settings and the switches.
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
    several = sorted(key for key, found in values.items() if len(found) > 1 and key in hyper)
    return tuple((key, hyper[key]) for key in several)


def read(experiment: Experiment, protocol: Protocol, profile: str, library: Library) -> Stored:
    """The stored runs of one experiment under one protocol."""
    scale = FULL_SCALE if FULL_SCALE in experiment.profiles else profile
    asked = _cells(experiment, protocol, profile, library)
    full = asked if scale == profile else _cells(experiment, protocol, scale, library)
    rounds = {_apart_from_length(cell): cell.rounds for cell in full}
    wanted = _or_shorter(asked, experiment, protocol, profile, library)
    every = (
        _made(cell, rounds.get(_apart_from_length(cell), cell.rounds), experiment, library)
        for cell in wanted
    )
    return Stored(
        experiment,
        protocol,
        profile,
        {cell.key: cell for cell in wanted},
        {made.cell.key: made for made in every if made.scores},
        library,
    )


def _made(cell: Cell, full_rounds: int, experiment: Experiment, library: Library) -> Made:
    switches = {name: getattr(cell, name) for name in get_args(Switch)}
    point = cell.data.name, model_name(cell), cell.active_clients
    swept = swept_settings(experiment, point, cell.algorithm, switches | cell.hyper)
    return Made(cell, full_rounds, swept, dict(_runs(cell, library)), library)


def _runs(cell: Cell, library: Library) -> Iterator[tuple[int, Run]]:
    for seed in library.store.seeds(cell):
        if (run := library.run(cell, seed)) is not None:
            yield seed, run


def _check_history(table: pd.DataFrame, path: Path, length: int) -> None:
    """Raise BenchmarkError for rounds out of order or out of range, or accuracies not in [0, 1]."""
    rounds = table.get("round", pd.Series([-1]))
    ordered = rounds.is_monotonic_increasing and rounds.is_unique and len(rounds)
    if not (ordered and rounds.dtype.kind == "i" and rounds.between(0, length - 1).all()):
        last = length - 1
        raise BenchmarkError(f"{path}: round: allowed: 0 to {last}, each once, in order; {AGAIN}")
    for name in table.filter(like="accuracy"):
        if not table[name].dropna().between(0, 1).all():
            raise BenchmarkError(f"{path}: {name}: allowed: 0 to 1; {AGAIN}")


def _cells(
    experiment: Experiment, protocol: Protocol, profile: str, library: Library
) -> list[Cell]:
    """The experiment's own cells, and the same with any other method that the store knows.

    In a sweep, only methods that are not built in are added, and only their cells with runs.
    """
    size = profile_of(experiment, profile)
    swept = any(grid.sweeps for grid in experiment.grid)
    own = settled_cells(library.store, experiment, protocol, size)
    others = [n for n in library.algorithms if not swept or n not in algorithm_names()]
    added = settled_cells(library.store, experiment, protocol, size, others) if others else []
    if swept:
        added = [cell for cell in added if library.store.has(cell)]
    return list({cell.key: cell for cell in [*own, *added]}.values())


def _or_shorter(
    asked: Sequence[Cell],
    experiment: Experiment,
    protocol: Protocol,
    profile: str,
    library: Library,
) -> list[Cell]:
    """The cells asked for; at full scale a cell without runs gives way to its short one."""
    if profile != FULL_SCALE or SHORT not in experiment.profiles:
        return list(asked)
    shorter = {
        _apart_from_length(cell): cell for cell in _cells(experiment, protocol, SHORT, library)
    }
    return [
        cell if library.store.has(cell) else shorter.get(_apart_from_length(cell), cell)
        for cell in asked
    ]


def _apart_from_length(cell: Cell) -> str:
    return cell.model_copy(update={"rounds": 1, "evaluate_every": 1}).digest
