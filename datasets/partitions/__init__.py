"""Kinds of partition, one file each: a record of settings, the recipe and the label.

To add one, add a file that defines a subclass of `datasets.recipe.Recipe` with a field
``kind: Literal["<name of the file>"]``; it is found here.
"""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from datasets.recipe import Recipe
from datasets.records import kinds_in

__all__ = ["KINDS", "PartitionSpec"]

KINDS = kinds_in(__name__, __path__, Recipe)  # type: ignore[type-abstract]  # a base
"""Every kind of partition by its name."""

if TYPE_CHECKING:
    PartitionSpec = Recipe
else:
    PartitionSpec = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007  of those found
"""A partition of any kind; the field ``kind`` tells which."""
