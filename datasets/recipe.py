"""What every way of sharing out data has in common; each has a file in datasets/partitions/."""

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
    """A partition in words: how many clients, who gets which samples, and which of them train.

    A kind of partition is a subclass with a field ``kind``, in a file of that name.
    """

    drawn: ClassVar[bool] = True
    """Whether the generator decides which client gets which samples."""

    kind: str
    """Which of them; each subclass says its own."""
    clients: Count
    """The number of clients, N."""
    train_fraction: Fraction
    """The share of each client's samples that it trains on, rounded down; the rest test."""
    order: Literal["shuffled", "as_given", "stratified"] = "shuffled"
    """How a client's samples are ordered before they are split: shuffled, as the source and the
    recipe give them, or shuffled so that every class has its share on both sides."""
    seed: Annotated[int, Field(ge=0, lt=2**64)] | None = None
    """The partition's own seed. None: the run's, so that intervals over seeds contain the luck of
    the partition."""

    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of each client's training samples that are set aside to choose rounds and settings
    on, rounded down, but at least one. 0: none."""
    test: Literal["own", "common"] = "own"
    """Whether each client is tested on its own test samples, or all on those of all."""
    rotations: Literal[1, 2, 4] = 1
    """Feature shift: client u's images are turned by u mod ``rotations`` of as many equal angles,
    with 4 by 0, 90, 180 or 270 degrees. 1: not turned."""

    @model_validator(mode="after")
    def _one_client_turns_an_image(self) -> "Recipe":
        if self.rotations > 1 and self.test == "common":
            raise ValueError("rotations: images of a common test set are no client's to turn")
        return self

    @abstractmethod
    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """The samples of each client: ``clients`` rows of indices that no two clients share.

        Raises DataError where the data cannot be shared out so.
        """

    @property
    @abstractmethod
    def words(self) -> str:
        """Who holds what, in two or three words: ``Dirichlet(0.1)``."""

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
        """Whether clients have data for validation."""
        return self.validation_fraction > 0

    def draw(self, arrays: Arrays, rng: Generator) -> Partition:
        """The index lists for this data set. Raises DataError where there are none."""
        parts = self.deal(arrays, rng)
        order = None if self.order == "as_given" else rng
        strata = arrays.y if self.order == "stratified" else None
        recipe = self.model_dump(mode="json") | {"data": arrays.name}
        own = split(parts, self.train_fraction, order, recipe, strata, self.validation_fraction)
        if self.test == "own":
            return own
        return Partition(own.train, (np.concatenate(own.test),), own.recipe, own.validation)

    def quarter_turns(self, partition: Partition, samples: int) -> NDArray[np.int8] | None:
        """(samples,) how many times each is turned by 90 degrees; None where none is."""
        if self.rotations == 1:
            return None
        turns = np.zeros(samples, np.int8)
        for u in range(partition.clients):
            for side in (partition.train, partition.validation, partition.test):
                if side:
                    turns[side[u]] = u % self.rotations * (4 // self.rotations)
        return turns
