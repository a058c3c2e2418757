"""Choose every method's settings with the same number of trials, on validation data only.

A trial is an ordinary stored run: a cell of the experiment on the tuning partition, with the seed
of tuning and the trial's settings. Test scores are never read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.engine.methods import load_method
from benchmark.errors import BenchmarkError
from benchmark.jobs.request import Request, Wanted
from benchmark.jobs.search import proposals, ranges_of
from benchmark.spec import Cell, Experiment, Profile, Protocol, Scalar, first_trials
from benchmark.store import Store, column, read_table
from benchmark.store.tuning import Trial, Tuned, Which, write_tuning

VALIDATION = "validation_accuracy"


@dataclass(frozen=True)
class Search:
    """The trials of one method on one data set and model."""

    experiment: str
    """Name of the experiment."""
    first: Cell
    """The first trial: the experiment's own settings on its tuning partition."""
    seed: int
    """Seed of all trials."""
    reduction: str
    """How the protocol reduces a run's evaluations to one number."""
    settings: tuple[Mapping[str, Scalar], ...]
    """The settings that each trial changes; the first changes none."""

    @property
    def cells(self) -> list[Cell]:
        """The cell of each trial."""
        own = self.first.hyper
        return [self.first.model_copy(update={"hyper": {**own, **s}}) for s in self.settings]

    def is_complete(self, store: Store) -> bool:
        """Whether every trial has been run."""
        return all(store.find(cell, self.seed) is not None for cell in self.cells)


@dataclass(frozen=True)
class Trials:
    """The trials that the methods of a request need."""

    request: Request
    """The request whose methods are tuned."""
    count: int | None = None
    """Trials per method. None: the number of the profile or of the experiment."""

    @property
    def methods(self) -> dict[str, str]:
        """Paths of users' methods by name."""
        return self.request.methods

    def wanted(self) -> list[Wanted]:
        """The cell and the seed of every trial."""
        return [(cell, [search.seed]) for search in self.searches() for cell in search.cells]

    def searches(self) -> list[Search]:
        """One search per selected experiment, protocol, data set, model and method."""
        plans: dict[tuple[str, str], Search] = {}

        def expand(
            experiment: Experiment, protocol: Protocol, size: Profile, names: Sequence[str]
        ) -> list[Cell]:
            firsts = first_trials(experiment, protocol, size, names)
            for first in firsts:
                key = first.digest, experiment.name
                plans[key] = self._search(experiment, protocol, size, first)
            return firsts

        for experiment in self.request.experiments:
            if experiment.tuning is None:
                raise BenchmarkError(f"{experiment.name}: it has no [tuning]: nothing to choose")
        kept = {first.digest for first, _ in self.request.wanted(expand)}
        return [search for (digest, _), search in plans.items() if digest in kept]

    def _search(
        self, experiment: Experiment, protocol: Protocol, size: Profile, first: Cell
    ) -> Search:
        assert experiment.tuning is not None
        if not first.partition.validation_fraction:
            raise BenchmarkError(
                f"{experiment.name}: partition.validation_fraction is 0: tuning needs "
                "data for validation"
            )
        method = load_method(self.methods.get(first.algorithm, first.algorithm))
        ranges = ranges_of(method, fixed=experiment.swept)
        trials = self.count or size.trials or experiment.tuning.trials
        settings = proposals(ranges, trials, f"{experiment.name}/{first.algorithm}")
        seed = experiment.tuning.seed
        return Search(experiment.name, first, seed, protocol.reduction, tuple(settings))


def choose(search: Search, store: Store) -> Tuned:
    """Choose the best trial of a complete search, and write the outcome to the store."""
    histories = [_history(cell, search.seed, store) for cell in search.cells]
    scores = scored(histories[0])
    trials = [
        Trial(hyper=dict(hyper), key=cell.key, accuracy=accuracy(history, scores, search.reduction))
        for hyper, cell, history in zip(search.settings, search.cells, histories, strict=True)
    ]
    tuned = Tuned(
        experiment=search.experiment,
        cell=search.first,
        seed=search.seed,
        scores=scores,
        trials=tuple(trials),
        chosen=best([trial.accuracy for trial in trials]),
    )
    write_tuning(store, tuned)
    return tuned


def _history(cell: Cell, seed: int, store: Store) -> pd.DataFrame:
    run = store.find(cell, seed)
    if run is None:
        raise BenchmarkError(f"{store.folder(cell, seed)}: this trial is missing; tune again")
    history = read_table(store.folder(cell, seed), run, "history.parquet")
    return history[:0] if run.diverged is not None else history


def scored(history: pd.DataFrame) -> Which:
    """The models whose accuracy decides: the personalised ones, if the method has any."""
    return "personal" if column("personal", VALIDATION) in history else "global"


def accuracy(history: pd.DataFrame, scores: str, reduction: str) -> float | None:
    """A run's validation accuracy, reduced as the protocol says; None if there is none."""
    values = history[column(scores, VALIDATION)].dropna()
    if values.empty:
        return None
    reduced = {"last": values.iloc[-1], "last20": values[-20:].mean()}
    return float(reduced.get(reduction, values.max()))


def best(accuracies: list[float | None]) -> int:
    """The index of the greatest accuracy; the first of equal ones, 0 if all are None."""
    known = [-1.0 if value is None else value for value in accuracies]
    return known.index(max(known))
