"""Outcomes of tuning, kept beside the runs: ``<store>/tuning/<experiment>/<cell key>.json``.

A file holds all trials of one method on one data set and model, under the key of the first
trial's cell. Nothing here imports torch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from benchmark.errors import BenchmarkError
from benchmark.spec import (
    Cell,
    Experiment,
    Profile,
    Protocol,
    Record,
    Scalar,
    cells,
    first_trials,
    tried_for,
)
from benchmark.spec.cell import Name
from benchmark.spec.validation import explain
from benchmark.store.runs import Store
from datasets.files import read_bytes, write_whole

Which = Literal["global", "personal"]
LARGEST = 2**22  # bytes of a file


class Trial(Record):
    """One setting that was tried."""

    hyper: dict[str, Scalar]
    """Settings that differ from the experiment's own. Empty: none."""
    key: str
    """The folder of its run in the store."""
    accuracy: Annotated[float, Field(ge=0, le=1)] | None
    """Validation accuracy, reduced as the protocol says. None: the run diverged."""


class Tuned(Record):
    """The trials of one method on one data set and model, and the one that was chosen."""

    experiment: Name
    """Name of the experiment."""
    cell: Cell
    """The first trial: the experiment's own settings on its tuning partition."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of all trials; no reported run has it."""
    scores: Which
    """The models whose accuracy decided: the personalised ones, if the method has any."""
    trials: tuple[Trial, ...] = Field(min_length=1)
    """All trials; the first has the experiment's own settings."""
    chosen: Annotated[int, Field(ge=0)]
    """Number of the best trial; the first, if several are equal."""

    @model_validator(mode="after")
    def _is_a_trial(self) -> "Tuned":
        if self.chosen >= len(self.trials):
            raise ValueError(f"chosen is {self.chosen}, of only {len(self.trials)} trials")
        return self

    @property
    def best(self) -> Trial:
        """The trial that was chosen."""
        return self.trials[self.chosen]

    def applied(self, cell: Cell) -> Cell:
        """A cell of the experiment with the chosen settings."""
        return cell.model_copy(update={"hyper": {**cell.hyper, **self.best.hyper}})


def place_of_tuning(store: Store, experiment: str, first: Cell) -> Path:
    """The file of the method whose first trial is ``first``."""
    return store.root / "tuning" / experiment / f"{first.key}.json"


def write_tuning(store: Store, tuned: Tuned) -> Path:
    """Write the outcome of tuning; an earlier one with fewer trials is replaced."""
    place = place_of_tuning(store, tuned.experiment, tuned.cell)
    try:
        write_whole(place, (tuned.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise BenchmarkError(f"{place}: cannot be stored: {error}") from None
    return place


def find_tuning(store: Store, experiment: str, first: Cell) -> Tuned | None:
    """The outcome of tuning for the method whose first trial is ``first``. None: not tuned."""
    place = place_of_tuning(store, experiment, first)
    if not place.is_file():
        return None
    try:
        tuned = Tuned.model_validate_json(read_bytes(place, LARGEST))
    except (OSError, ValidationError) as error:
        reason = explain(Tuned, error) if isinstance(error, ValidationError) else error
        raise BenchmarkError(f"{place}: not a tuning ({reason}); delete it, tune again") from None
    if (tuned.experiment, tuned.cell.digest) != (experiment, first.digest):
        raise BenchmarkError(f"{place}: experiment, cell: those of another tuning; delete it")
    return tuned


def tunings(
    store: Store,
    experiment: Experiment,
    protocol: Protocol,
    profile: Profile,
    algorithms: Sequence[str] = (),
) -> list[tuple[Cell, Tuned | None]]:
    """Each cell of a tuned experiment with the outcome of its tuning. None: not tuned yet."""
    outcomes = {
        tried_for(first): find_tuning(store, experiment.name, first)
        for first in first_trials(experiment, protocol, profile, algorithms)
    }
    tuned_cells = cells(experiment, protocol, profile, algorithms)
    return [(cell, outcomes.get(tried_for(cell))) for cell in tuned_cells]


def settled_cells(
    store: Store,
    experiment: Experiment,
    protocol: Protocol,
    profile: Profile,
    algorithms: Sequence[str] = (),
    *,
    untuned: bool = False,
) -> list[Cell]:
    """The cells of an experiment as they are run, with the settings that tuning has chosen.

    untuned: whether cells of methods that are not tuned yet are there too, with their own settings.
    """
    if experiment.tuning is None:
        return cells(experiment, protocol, profile, algorithms)
    outcomes = tunings(store, experiment, protocol, profile, algorithms)
    settled = [(cell if tuned is None else tuned.applied(cell), tuned) for cell, tuned in outcomes]
    return [cell for cell, tuned in settled if untuned or tuned is not None]
