"""What an experiment is: frozen, validated records, and the content hash of a run.

A :class:`Cell` says everything that decides a result, except the seed. An experiment
file lists the axes of a grid, a protocol says how runs are made and read; both change
cells by :class:`Rule`. Titles and other labels stay outside the cell, so that relabelling
a table never invalidates a run. Nothing here imports torch.
"""

import hashlib
import json
import math
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scalar = bool | int | float | str
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}(\+[a-z][a-z0-9_]{0,31})?$")]
"""A model, or with another architecture for the clients' own models: ``mlr+dnn``."""
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Switch = Literal["participation", "aggregation", "batches", "global_scored"]
Title = Annotated[str, Field(pattern=r"^[^\p{C}]{1,200}$")]


class Record(BaseModel):
    """Frozen; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Data(Record):
    """A data set, the options of its generator, and how its inputs are scaled."""

    name: Name
    options: dict[str, int | float] = {}
    scaling: Literal["none", "unit", "symmetric", "per_feature"] = "none"


class _Partition(Record):
    """``order``: are a client's samples shuffled before they are split into training and test, or
    taken as the source gives them, or shuffled and split with every class's share in both?
    ``seed``: of the partition; without one the run's, and intervals hold the split's luck too."""

    clients: Count
    train_fraction: Fraction
    order: Literal["shuffled", "as_given", "stratified"] = "shuffled"
    seed: int | None = Field(None, ge=0, lt=2**64)


class LabelGroups(_Partition):
    """Client u holds only the labels of group u mod len(groups) (MNIST in the paper's text)."""

    kind: Literal["label_groups"]
    groups: tuple[tuple[int, ...], ...]


class Shards(_Partition):
    """Exactly ``labels_per_client`` labels a client, dealt out in shards."""

    kind: Literal["shards"]
    labels_per_client: Count
    sizes: Literal["equal", "lognormal"] = "equal"
    sigma: float = Field(1.0, gt=0)


class Dirichlet(_Partition):
    """Each class is shared out by Dirichlet(alpha): alpha → 0 one client a class, ∞ IID."""

    kind: Literal["dirichlet"]
    alpha: float = Field(gt=0)
    min_size: Count = 10


class Iid(_Partition):
    """Every client draws from the whole data set."""

    kind: Literal["iid"]


class Given(_Partition):
    """The data set says which client each sample belongs to."""

    kind: Literal["given"]


class Pfedme(_Partition):
    """As pFedMe's authors deal it: 20 clients of three labels (CIFAR-10) or two (MNIST), seeded."""

    kind: Literal["pfedme_cifar10", "pfedme_mnist"]
    clients: Literal[20] = 20


PartitionSpec = Annotated[
    LabelGroups | Shards | Dirichlet | Iid | Given | Pfedme, Field(discriminator="kind")
]


class Mlr(Record):
    """Multinomial logistic regression: one linear layer."""

    name: Literal["mlr"]


class Dnn(Record):
    """One hidden layer of ``hidden`` rectified units."""

    name: Literal["dnn"]
    hidden: Count


class LeNet5(Record):
    """LeNet-5 for images of 28 or 32 pixels a side."""

    name: Literal["lenet5"]


ModelSpec = Annotated[Mlr | Dnn | LeNet5, Field(discriminator="name")]
MODELS = [get_args(kind.model_fields["name"].annotation)[0] for kind in (Mlr, Dnn, LeNet5)]


class Cell(Record):
    """Everything that decides the result of a run, except its seed.

    ``hyper`` holds the method's own settings as asked for; what is not named takes the method's
    default. ``participation`` "all": every client trains in every round and the sampled ones send;
    "sampled": only these train. ``aggregation`` weights the server's mean by training samples or
    uniformly. ``global_scored``: is the global model of round r scored before its training (as in
    the paper's curves) or after it. ``auxiliary``: the architecture of the models that clients keep
    to themselves, where it is not the global model's. ``evaluate_every`` counts rounds,
    ``train_loss_every`` evaluations; the last round has both.
    """

    data: Data
    partition: PartitionSpec
    model: ModelSpec
    algorithm: Name
    hyper: dict[str, Scalar] = {}
    rounds: Count
    active_clients: Count
    batch_size: Count
    participation: Literal["all", "sampled"]
    aggregation: Literal["samples", "uniform"]
    batches: Literal["fixed_order", "shuffled_passes", "with_replacement"]
    global_scored: Literal["before", "after"]
    evaluate_every: Count = 1
    train_loss_every: Count = 1
    auxiliary: ModelSpec | None = None

    @model_validator(mode="after")
    def _possible(self) -> "Cell":
        if self.auxiliary == self.model:
            raise ValueError("auxiliary is the model itself: leave it out")
        if self.active_clients > self.partition.clients:
            raise ValueError(
                f"active_clients is {self.active_clients}, of only {self.partition.clients} clients"
            )
        if self.evaluate_every > self.rounds:
            raise ValueError(
                f"evaluate_every is {self.evaluate_every}, allowed: 1 to rounds = {self.rounds}"
            )
        return self

    @property
    def one_partition(self) -> bool:
        """Do all seeds share one partition?"""
        kind, order = self.partition.kind, self.partition.order
        fixed = kind in ("given", "pfedme_mnist") and order == "as_given"
        return fixed or self.partition.seed is not None

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the canonical JSON of what differs from the defaults here, so that
        a field added later leaves the runs made before it in place. 15 and 15.0 are one."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        for settings in (data.get("hyper", {}), data["data"].get("options", {})):
            settings.update({name: _spelled(name, value) for name, value in settings.items()})
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def key(self) -> str:
        """The cell's folder in a store: readable, and unique by its hash."""
        return f"{self.data.name}-{self.model.name}-{self.algorithm}-{self.digest[:12]}"


def _spelled(name: str, value: Scalar) -> Scalar:
    """The one spelling of a number: whole where one capital letter (K, E) names it, a count,
    else with a decimal point."""
    if isinstance(value, bool | str) or abs(value) > 2**53:  # beyond, floats merge neighbours
        return value
    if len(name) == 1 and name.isupper():
        return int(value) if value == int(value) else value
    return float(value)


class Where(Record):
    """Which cells a rule is for: every condition given must hold; none given means all."""

    dataset: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    algorithm: tuple[str, ...] = ()
    active_clients: tuple[int, ...] = ()

    def matches(self, point: dict[str, Any]) -> bool:
        """Does this point of the grid meet every condition?"""
        return all(not allowed or point[axis] in allowed for axis, allowed in self)


class Rule(Record):
    """A part of a cell, laid over the cells that ``where`` names; later rules win."""

    where: Where = Where()
    set: dict[str, Any]


Rules = Annotated[tuple[Rule, ...], Field(max_length=200)]


class Protocol(Record):
    """How runs are made (rules over cells) and how their histories are read.

    ``reduction``: the number a table prints for a run: its "best" evaluation, its "last", or the
    mean of its last twenty. ``smoothing``: of how many evaluations a drawn curve is the forward
    mean (1: not smoothed).
    """

    name: Name
    description: str
    reduction: Literal["best", "last", "last20"]
    smoothing: Count
    rules: Rules


class Grid(Record):
    """The product of these axes; ``"*"`` as an algorithm stands for every one found.

    hyper: settings of the method to sweep; switches: the protocol's, fields of the cell."""

    dataset: tuple[Name, ...]
    model: tuple[ModelName, ...]
    algorithm: tuple[str, ...]
    active_clients: tuple[Count, ...]
    hyper: dict[str, tuple[Scalar, ...]] = {}
    switches: dict[Switch, tuple[Scalar, ...]] = {}

    @property
    def sweeps(self) -> dict[str, tuple[Scalar, ...]]:
        """Both."""
        return {**self.hyper, **{str(name): axis for name, axis in self.switches.items()}}

    @model_validator(mode="after")
    def _few(self) -> "Grid":
        axes = (self.dataset, self.model, self.algorithm, self.active_clients)
        if (points := math.prod(map(len, (*axes, *self.sweeps.values())))) > 2000:
            raise ValueError(f"{points} points, allowed: up to 2000")
        return self


class Profile(Record):
    """How much of an experiment to run: ``seeds`` runs a cell, and a cut of the grid."""

    seeds: Annotated[Count, Field(le=1000)]
    rounds: Count | None = None
    evaluate_every: Count | None = None
    only: Where = Where()


class Misprint(Record):
    """Published numbers that stand beside cells with other active clients than ``printed``."""

    where: Where = Where()
    printed: Count
    why: Annotated[str, Field(pattern=r"^[^\p{C}]+$", max_length=500)]


class Experiment(Record):
    """One table or figure: a grid of cells, and how it is shown.

    ``table`` and ``figure`` name what the paper published of it, as in results/published.
    ``protocols``: those reported; the first is the default of a run. A file may say ``extends =
    "other"``, or name several, and take from there what it does not set itself (labels and
    misprints excepted): the same cells are then the same runs, trained once.
    """

    name: Name
    title: Title
    table: int | None = Field(None, ge=1, le=1000)
    figure: str | None = None
    protocols: tuple[Name, ...] = Field(min_length=1)
    grid: tuple[Grid, ...] = Field(min_length=1, max_length=20)
    misprints: tuple[Misprint, ...] = ()
    rules: Rules = ()
    profiles: dict[str, Profile]
