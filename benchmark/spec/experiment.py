"""Experiments and protocols: grids of cells, rules over cells, and how results are read."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from benchmark.spec.cell import ModelName, Name, Scalar, Switch
from datasets.records import Count, Record

Title = Annotated[str, Field(pattern=r"^[^\p{C}]{1,200}$")]


class Where(Record):
    """A condition on cells: every axis that is named must match. Nothing named: all cells."""

    dataset: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    algorithm: tuple[str, ...] = ()
    active_clients: tuple[int, ...] = ()

    def matches(self, point: dict[str, Any]) -> bool:
        """Whether this point of the grid meets the condition."""
        return all(not allowed or point[axis] in allowed for axis, allowed in self)


class Rule(Record):
    """A part of a cell, laid over the cells that ``where`` names. Later rules win."""

    where: Where = Where()
    set: dict[str, Any]
    """Fields of a cell. Tables are merged; one that names its ``kind`` replaces what was there."""


Rules = Annotated[tuple[Rule, ...], Field(max_length=200)]


class Protocol(Record):
    """How runs are made (rules over cells) and how their histories are read."""

    name: Name
    description: str
    reduction: Literal["best", "last", "last20", "at_best_validation"]
    """The number that a table prints for a run: its best evaluation, its last one, the mean of its
    last twenty, or that of the evaluation with the best validation accuracy. The last needs a
    partition with a ``validation_fraction``."""
    smoothing: Count
    """A drawn curve is the forward mean of this number of evaluations. 1: not smoothed."""
    rules: Rules


class Grid(Record):
    """The product of these axes."""

    dataset: tuple[Name, ...]
    partition: tuple[str, ...] = ()
    """Names from benchmark/partitions.toml. None: that of the rules."""
    model: tuple[ModelName, ...]
    algorithm: tuple[str, ...]
    """Names of methods; ``"*"`` stands for every built-in one."""
    active_clients: tuple[Count, ...]
    hyper: dict[str, tuple[Scalar, ...]] = {}
    """Settings of the method to sweep."""
    switches: dict[Switch, tuple[Scalar, ...]] = {}
    """Fields of the cell to sweep that a protocol otherwise sets."""

    @property
    def sweeps(self) -> dict[str, tuple[Scalar, ...]]:
        """All swept settings: ``hyper`` and ``switches``."""
        return {**self.hyper, **{str(name): axis for name, axis in self.switches.items()}}

    @model_validator(mode="after")
    def _few(self) -> "Grid":
        axes = (self.dataset, self.model, self.algorithm, self.active_clients)
        partitions = max(1, len(self.partition))
        if (points := partitions * math.prod(map(len, (*axes, *self.sweeps.values())))) > 2000:
            raise ValueError(f"{points} points, allowed: up to 2000")
        return self


class Tuning(Record):
    """How the settings of an experiment's methods are chosen, on validation data only."""

    partition: str
    """The named partition on which trials run; no grid need have it."""
    seed: int = Field(1000, ge=0, lt=2**32)
    """The seed of every trial. No reported run may have it."""
    trials: Count = 8
    """How many settings each method tries, its own first."""


class Profile(Record):
    """How much of an experiment to run."""

    seeds: Annotated[Count, Field(le=1000)]
    """Runs per cell."""
    rounds: Count | None = None
    """Length of a run. None: the experiment's."""
    evaluate_every: Count | None = None
    """Rounds between two evaluations. None: the experiment's."""
    trials: Annotated[Count, Field(le=1000)] | None = None
    """Trials per method that ``run`` makes itself where they are missing. None: it refuses until
    ``tune`` has made them."""
    only: Where = Where()
    """The part of the grid that is run."""


class Misprint(Record):
    """Published numbers that stand beside cells with other active clients than ``printed``."""

    where: Where = Where()
    printed: Count
    """Active clients that the caption states."""
    why: Annotated[str, Field(pattern=r"^[^\p{C}]+$", max_length=500)]


class Experiment(Record):
    """One table or figure: a grid of cells, and how it is shown.

    A file may say ``extends = "other"``, or name several, and take from there what it does not
    set itself (labels and misprints excepted): equal cells are then the same runs, trained once.
    """

    name: Name
    title: Title
    group: Name | None = None
    """Group that a command can name in place of its experiments, such as ``paper``."""
    table: int | None = Field(None, ge=1, le=1000)
    """The published table that it reproduces; see results/published."""
    figure: str | None = None
    """The published figure that it reproduces; see results/published."""
    protocols: tuple[Name, ...] = Field(min_length=1)
    """Protocols that are reported; the first is the default of a run."""
    grid: tuple[Grid, ...] = Field(min_length=1, max_length=20)
    misprints: tuple[Misprint, ...] = ()
    rules: Rules = ()
    profiles: dict[str, Profile]
    tuning: Tuning | None = None
    """How methods are tuned. None: they have the settings that rules and grid say."""

    @property
    def swept(self) -> set[str]:
        """The settings of methods that a grid sweeps; these are not tuned."""
        return {name for grid in self.grid for name in grid.hyper}
