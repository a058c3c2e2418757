"""The base class that every file in benchmark/models/ subclasses. Nothing here imports torch."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from datasets.records import Record

if TYPE_CHECKING:
    from torch import nn


class Model(Record):
    """Settings of a model, and the function that builds it.

    A kind of model is a subclass with a field ``name``, in a file of that name. The file imports
    torch inside `build` only, because records are read without torch.
    """

    label: ClassVar[str]
    """The model's name on pages: ``LeNet-5``."""
    name: str
    """Name of the kind; each subclass sets its own."""

    @property
    def called(self) -> str:
        """The model's name in tables and folders."""
        return self.name

    @abstractmethod
    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """The module for inputs of this shape (without the batch axis), initialised by torch.

        Its last two parameters are the weight and bias of its last linear layer, the head. It has
        no buffers, so it uses group norm instead of batch norm.
        Raises BenchmarkError for a shape that the model cannot take.
        """
