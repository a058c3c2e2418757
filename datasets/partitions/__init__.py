"""Ways to share out data, one file each: a record of settings, its recipe and its label.

To add one, add a file that defines a subclass of `datasets.recipe.Recipe` with a field
``kind: Literal["<name of the file>"]``; it is found here.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from datasets.recipe import Recipe

__all__ = ["KINDS", "PartitionSpec"]


def _found() -> dict[str, type[Recipe]]:
    kinds = {}
    for name in sorted(module.name for module in iter_modules(__path__)):
        (kinds[name],) = [
            value
            for value in vars(import_module(f"{__name__}.{name}")).values()
            if isinstance(value, type) and issubclass(value, Recipe) and value is not Recipe
        ]
    return kinds


KINDS = _found()
"""Every kind of partition by its name."""

if TYPE_CHECKING:
    PartitionSpec = Recipe
else:
    PartitionSpec = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007
"""Any of them, told apart by ``kind``."""
