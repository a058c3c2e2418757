"""The base class of every kind of partition; each kind has a file in datasets/partitions/."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datasets.arrays import Arrays, Ints
from datasets.partition import Partition
from datasets.records import Count, Fraction, Record
from datasets.split import split


class Recipe(Record):
    """Settings of a partition: the clients, their samples, and which of these are for training.

    A kind of partition is a subclass with a field ``kind``, in a file of that name.
    """

    drawn: ClassVar[bool] = True
    """Whether the generator decides which client gets which samples."""

    kind: str
    """Name of the kind; each subclass sets its own."""
    clients: Count
    """The number of clients, N."""
    train_fraction: Fraction
    """Share of each client's samples for training, rounded down; the others are for testing."""
    order: Literal["shuffled", "as_given", "stratified"] = "shuffled"
    """Order of a client's samples before they are split. ``shuffled``: at random. ``as_given``: as
    the source and `deal` give them. ``stratified``: at random, with every class's share on both
    sides."""
    seed: Annotated[int, Field(ge=0, lt=2**64)] | None = None
    """The partition's own seed. None: the seed of the run, so that intervals over seeds include
    the variation between partitions."""

    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each client's training samples that is set aside for choosing rounds and settings,
    rounded down, but at least one sample. 0: none."""
    test: Literal["own", "common"] = "own"
    """``own``: each client is tested on its own test samples. ``common``: every client is tested on
    the test samples of all clients together."""
    rotations: Literal[1, 2, 4] = 1
    """Feature shift: client u's images are rotated by (u mod ``rotations``) · 360° / ``rotations``;
    with 4 by 0, 90, 180 or 270 degrees. 1: no rotation."""

    @model_validator(mode="after")
    def _one_client_turns_an_image(self) -> "Recipe":
        if self.rotations > 1 and self.test == "common":
            raise ValueError("rotations: images of a common test set are no client's to turn")
        return self

    @abstractmethod
    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """The samples of each client: ``clients`` disjoint rows of indices.

        Raises DataError if the data set does not allow this partition.
        """

    @property
    @abstractmethod
    def words(self) -> str:
        """The kind and its settings in two or three words: ``Dirichlet(0.1)``."""

    @property
    def label(self) -> str:
        """The partition as pages name it: ``100 clients, Dirichlet(0.1)``."""
        turned = f", images turned by {self.rotations} angles" if self.rotations > 1 else ""
        common = ", one test set" if self.test == "common" else ""
        return f"{self.clients} clients, {self.words}{turned}{common}"

    @property
    def is_fixed(self) -> bool:
        """Whether all seeds of a run share one partition."""
        return self.seed is not None or not (self.drawn or self.order != "as_given")

    @property
    def validates(self) -> bool:
        """Whether clients have validation samples."""
        return self.validation_fraction > 0

    def draw(self, arrays: Arrays, rng: Generator) -> Partition:
        """The partition of this data set. Raises DataError if the data set does not allow it."""
        parts = self.deal(arrays, rng)
        order = None if self.order == "as_given" else rng
        strata = arrays.y if self.order == "stratified" else None
        recipe = self.model_dump(mode="json") | {"data": arrays.name}
        fractions = self.train_fraction, self.validation_fraction
        partition = split(parts, fractions[0], order, recipe, strata, fractions[1])
        if self.test == "own":
            return partition
        test = (np.concatenate(partition.test),)
        return Partition(partition.train, test, partition.recipe, partition.validation)

    def quarter_turns(self, partition: Partition, samples: int) -> NDArray[np.int8] | None:
        """(samples,) rotations of each sample by 90 degrees. None: no image is rotated."""
        if self.rotations == 1:
            return None
        turns = np.zeros(samples, np.int8)
        for u in range(partition.clients):
            for side in (partition.train, partition.validation, partition.test):
                if side:
                    turns[side[u]] = u % self.rotations * (4 // self.rotations)
        return turns
