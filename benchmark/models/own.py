"""A model that a user's Python file builds."""

import hashlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.model import Model
from datasets.files import read_bytes

if TYPE_CHECKING:
    from torch import nn

LARGEST = 2**20  # bytes


class Own(Model):
    """The torch module that the function ``build(shape, classes)`` of a file returns.

    It must have no buffers (use group norm instead of batch norm) and no random layers (dropout).
    """

    label: ClassVar[str] = "own model"
    name: Literal["own"]
    path: str
    """Path of the file; not part of a cell's digest."""
    file: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    """Name of the file without ``.py``; pages call the model so."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the file: an edited file is another model."""

    @property
    def called(self) -> str:
        """The file's name."""
        return self.file

    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """Run the file's ``build`` and one forward pass; raise BenchmarkError if either fails."""
        import torch

        try:
            module = self._imported().build(shape, classes)
        except BenchmarkError:
            raise
        except Exception as error:
            raise BenchmarkError(f"{self.path}: build: {_words(error)}") from error
        if not isinstance(module, torch.nn.Module):
            raise BenchmarkError(f"{self.path}: build returns {type(module).__name__}, no module")
        try:
            with torch.no_grad():
                out = module(torch.zeros(2, *shape))
        except Exception as error:
            raise BenchmarkError(f"{self.path}: forward: {_words(error)}") from error
        if tuple(out.shape) != (2, classes):
            raise BenchmarkError(
                f"{self.path}: the model maps (2, {', '.join(map(str, shape))}) to "
                f"{tuple(out.shape)}, allowed: (2, {classes})"
            )
        return module

    def _imported(self) -> ModuleType:
        try:
            text = read_bytes(Path(self.path), LARGEST)
        except OSError as error:
            raise BenchmarkError(f"{self.path}: {error.strerror}") from None
        if hashlib.sha256(text).hexdigest() != self.sha256:
            raise BenchmarkError(f"{self.path}: edited since the run was planned; start it again")
        module = ModuleType(self.file)
        module.__file__ = self.path
        try:
            exec(compile(text, self.path, "exec"), vars(module))
        except Exception as error:
            raise BenchmarkError(f"{self.path}: {_words(error)}") from error
        if not callable(getattr(module, "build", None)):
            raise BenchmarkError(f"{self.path}: no function build(shape, classes)")
        return module


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
