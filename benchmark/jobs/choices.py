"""Apply the settings that tuning chose to the cells of a request; require equal trials."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from benchmark.errors import BenchmarkError
from benchmark.jobs.request import Request, Wanted
from benchmark.jobs.tuning import Trials
from benchmark.spec import Cell, Experiment, Profile, Protocol, cells, profile_of
from benchmark.store import Store
from benchmark.store.tuning import tunings


@dataclass(frozen=True)
class _Need:
    """A cell of a tuned experiment."""

    experiment: Experiment
    cell: Cell
    trials: int
    """Number of trials of its method. 0: it is not tuned."""


@dataclass(frozen=True)
class Choices:
    """The outcomes of tuning in a store, applied to the cells of requests."""

    store: Store
    """The store that holds the outcomes."""
    _needs: dict[str, _Need] = field(default_factory=dict)

    def wanted(self, request: Request) -> list[Wanted]:
        """The cells asked for, each with its seeds.

        Raises BenchmarkError if a method of a tuned experiment has no trials, or fewer than another
        method on the same data set (the error names the command to run first), and if the seed
        of tuning is asked for.
        """
        wanted = request.wanted(self.cells)
        for cell, seeds in wanted:
            if need := self._needs.get(cell.digest):
                _check_seeds(need.experiment, seeds)
        for need in self.lacking(wanted):
            raise BenchmarkError(_tune_first(need, self._budget(need, wanted), request.profile))
        return wanted

    def lacking(self, wanted: Sequence[Wanted]) -> list[_Need]:
        """Cells whose methods have no trials, or fewer than another method."""
        needs = [need for cell, _ in wanted if (need := self._needs.get(cell.digest))]
        return [n for n in needs if not n.trials or n.trials < self._budget(n, wanted)]

    def cells(
        self, experiment: Experiment, protocol: Protocol, profile: Profile, names: Sequence[str]
    ) -> list[Cell]:
        """The cells of an experiment with the chosen settings; untuned ones keep their own."""
        if experiment.tuning is None:
            return cells(experiment, protocol, profile, names)
        found = []
        for cell, tuned in tunings(self.store, experiment, protocol, profile, names):
            settled = cell if tuned is None else tuned.applied(cell)
            trials = 0 if tuned is None else len(tuned.trials)
            self._needs[settled.digest] = _Need(experiment, settled, trials)
            found.append(settled)
        return found

    def _budget(self, need: _Need, wanted: Sequence[Wanted]) -> int:
        """The most trials of any method on the same data set."""
        rivals = (self._needs.get(cell.digest) for cell, _ in wanted)
        return max(
            rival.trials
            for rival in rivals
            if rival is not None
            and (rival.experiment.name, rival.cell.data.name)
            == (need.experiment.name, need.cell.data.name)
        )


def trials_to_make(request: Request, store: Store) -> Trials | None:
    """Missing trials of a request whose profile says that ``run`` makes them."""
    tuned = [
        experiment
        for experiment in request.experiments
        if experiment.tuning and profile_of(experiment, request.profile).trials
    ]
    if not tuned:
        return None
    own, choices = replace(request, experiments=tuple(tuned)), Choices(store)
    return Trials(own) if choices.lacking(own.wanted(choices.cells)) else None


def _check_seeds(experiment: Experiment, seeds: Sequence[int]) -> None:
    assert experiment.tuning is not None
    if experiment.tuning.seed in seeds:
        raise BenchmarkError(
            f"--seeds: {experiment.tuning.seed} is the tuning seed of {experiment.name}, "
            "whose runs are not reported"
        )


def _tune_first(need: _Need, budget: int, profile: str) -> str:
    cell, name = need.cell, need.experiment.name
    had = f"{cell.algorithm} has had {need.trials} trials on {cell.data.name}"
    if need.trials:
        had += f", another method {budget}"
    command = f"python -m benchmark tune {name} --profile {profile} --dataset {cell.data.name}"
    return f"{name}: {had}; first run: {command}" + (f" --trials {budget}" if budget else "")
