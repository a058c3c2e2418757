"""The partition that the data set itself gives."""

from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.recipe import Recipe


class Given(Recipe):
    """Each sample belongs to the client that generated it."""

    drawn: ClassVar[bool] = False
    kind: Literal["given"]

    @property
    def words(self) -> str:
        """The words ``as generated``."""
        return "as generated"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """The samples grouped by `Arrays.client`.

        Raises DataError unless that is (n,) and holds every number 0..clients-1.
        """
        client = arrays.client
        if client is None:
            raise DataError(f"partition.kind = given: {arrays.name} names no clients")
        if not len(client) or not np.array_equal(np.unique(client), np.arange(client.max() + 1)):
            raise DataError("given: clients must be numbered 0, 1, 2, ... and each have a sample")
        if self.clients != client.max() + 1:
            raise DataError(
                f"partition.clients is {self.clients}, but {arrays.name} has {client.max() + 1} "
                "clients"
            )
        order = np.argsort(client, kind="stable")
        return np.split(order, np.cumsum(np.bincount(client))[:-1])
