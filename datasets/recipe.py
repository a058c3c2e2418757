"""What every way of sharing out data has in common; each has a file in datasets/partitions/."""

from abc import abstractmethod
from typing import ClassVar, Literal

from numpy.random import Generator
from pydantic import Field

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
    seed: int | None = Field(None, ge=0, lt=2**64)
    """The partition's own seed. None: the run's, so that intervals over seeds contain the luck of
    the partition."""

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
        return f"{self.clients} clients, {self.words}"

    @property
    def is_fixed(self) -> bool:
        """Whether all seeds of a run share one partition."""
        return self.seed is not None or not (self.drawn or self.order != "as_given")

    def draw(self, arrays: Arrays, rng: Generator) -> Partition:
        """The index lists for this data set. Raises DataError where there are none."""
        parts = self.deal(arrays, rng)
        order = None if self.order == "as_given" else rng
        strata = arrays.y if self.order == "stratified" else None
        recipe = self.model_dump(mode="json") | {"data": arrays.name}
        return split(parts, self.train_fraction, order, recipe, strata)
