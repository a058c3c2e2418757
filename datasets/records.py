"""The base class of records in users' files, and a search for the classes that modules define."""

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Record(BaseModel):
    """A frozen record; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


R = TypeVar("R", bound=Record)


def kinds_in(package: str, path: Iterable[str], base: type[R]) -> dict[str, type[R]]:
    """The subclass of ``base`` that each module of a package defines, by the module's name."""
    kinds: dict[str, type[R]] = {}
    for name in sorted(module.name for module in iter_modules(path)):
        module = import_module(f"{package}.{name}")
        (kinds[name],) = (
            kind
            for kind in vars(module).values()
            if isinstance(kind, type)
            and issubclass(kind, base)
            and kind.__module__ == module.__name__
        )
    return kinds
