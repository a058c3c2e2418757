"""Every method's settings chosen with the same number of trials, on validation data only.

A trial is an ordinary run of the store: an experiment's cell on its tuning partition, with the
tuning seed and settings of its own. The test parts are never looked at.
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
    first: Cell
    """The experiment's own settings, on its tuning partition."""
    seed: int
    reduction: str
    """How the protocol makes one number of a run's evaluations."""
    settings: tuple[Mapping[str, Scalar], ...]
    """What each trial changes; the first changes nothing."""

    @property
    def cells(self) -> list[Cell]:
        """What each trial runs."""
        own = self.first.hyper
        return [self.first.model_copy(update={"hyper": {**own, **s}}) for s in self.settings]

    def is_complete(self, store: Store) -> bool:
        """Whether every trial has been run."""
        return all(store.find(cell, self.seed) is not None for cell in self.cells)


@dataclass(frozen=True)
class Trials:
    """The trials that the methods of a request need."""

    request: Request
    count: int | None = None
    """Per method. None: as many as the profile or the experiment says."""

    @property
    def methods(self) -> dict[str, str]:
        """The methods that are files of the user's, by the name they go by."""
        return self.request.methods

    def wanted(self) -> list[Wanted]:
        """The cell and the seed of every trial."""
        return [(cell, [search.seed]) for search in self.searches() for cell in search.cells]

    def searches(self) -> list[Search]:
        """One per experiment, protocol, data set, model and method that is asked for."""
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
    """Compare the trials of a search, which are all in the store, and keep the outcome there."""
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
    """Whose accuracy decides: that of the personalised models, where the method has any."""
    return "personal" if column("personal", VALIDATION) in history else "global"


def accuracy(history: pd.DataFrame, scores: str, reduction: str) -> float | None:
    """One number of a run's validation accuracies, as the protocol reduces them; None if none."""
    values = history[column(scores, VALIDATION)].dropna()
    if values.empty:
        return None
    reduced = {"last": values.iloc[-1], "last20": values[-20:].mean()}
    return float(reduced.get(reduction, values.max()))


def best(accuracies: list[float | None]) -> int:
    """The number of the greatest accuracy: of equals the first, of none at all 0."""
    known = [-1.0 if value is None else value for value in accuracies]
    return known.index(max(known))
