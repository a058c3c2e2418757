"""Kinds of model, one file each: a record of settings and the function that builds the module.

To add one, add a file that defines a subclass of `benchmark.model.Model` with a field
``name: Literal["<name of the file>"]``; it is found here. Every file is part of a run's identity.
"""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from benchmark.model import Model
from datasets.records import kinds_in

__all__ = ["MODELS", "ModelSpec"]

MODELS = kinds_in(__name__, __path__, Model)  # type: ignore[type-abstract]  # a base
"""Every model by its name."""

if TYPE_CHECKING:
    ModelSpec = Model
else:
    ModelSpec = Annotated[Union[tuple(MODELS.values())], Field(discriminator="name")]  # noqa: UP007  of those found
"""A model of any kind; the field ``name`` tells which."""
