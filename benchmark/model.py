"""The face towards models: what a file in benchmark/models/ defines. Nothing here imports torch."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from datasets.records import Record

if TYPE_CHECKING:
    from torch import nn


class Model(Record):
    """A model's settings, and how it is built from them.

    A kind of model is a subclass with a field ``name``, in a file of that name, which imports torch
    inside `build` only: records are read without it.
    """

    label: ClassVar[str]
    """What pages call it: ``LeNet-5``."""
    name: str
    """Which of them; each subclass says its own."""

    @property
    def called(self) -> str:
        """The model's name in tables and folders."""
        return self.name

    @abstractmethod
    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """The module for inputs of this shape (without the batch axis), initialised by torch.

        Its last two parameters are the weight and bias of its last linear layer, the head. It has
        no buffers: group norm takes the place of batch norm.
        Raises BenchmarkError for a shape that it cannot take.
        """
