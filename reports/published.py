"""What the paper published, and which of its numbers a protocol's choices were made on."""

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.places import PUBLISHED
from benchmark.spec import Record, Where
from benchmark.spec.validation import parse


class Fitted(Record):
    """A choice of some protocols that was made by looking at published numbers."""

    protocols: tuple[str, ...]
    """Names of the protocols that made the choice."""
    choice: Annotated[str, Field(min_length=1, max_length=200)]
    """The choice, and what it was made on, in words."""
    table: int
    """Number of the published table."""
    where: Where = Where()
    """Which numbers of the table; no condition means all."""
    K: tuple[int, ...] = ()
    """Only numbers printed for one of these K; empty means all."""

    def names(self, printed: Mapping[str, Any]) -> bool:
        """True if the choice was made on this published number."""
        axes = {axis: printed[axis] for axis in ("dataset", "model", "algorithm", "active_clients")}
        is_here = printed["table"] == self.table and self.where.matches(axes)
        return is_here and (not self.K or printed["K"] in self.K)


class FittedFile(Record):
    """The file of all choices."""

    fitted: tuple[Fitted, ...]
    """The choices."""


@cache
def published_tables() -> pd.DataFrame:
    """Every accuracy the paper prints, in percent.

    Columns table, dataset, model, active_clients, algorithm, scores, mean, std, lam, beta, K;
    NaN where the paper states none.
    """
    path = PUBLISHED / "published_tables.json"
    return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["cells"])


@cache
def published_curves() -> pd.DataFrame:
    """The vertices of the paper's curves, smoothed as drawn.

    Columns figure, panel, dataset, model, active_clients, metric (test_accuracy, a fraction;
    train_loss, in nats), series, round, value, exact.
    """
    return pd.read_csv(PUBLISHED / "published_curves.csv")


def fitted(printed: Mapping[str, Any], protocol: str) -> tuple[str, ...]:
    """The protocol's choices that were made on a published number; none: it is predicted."""
    return tuple(
        each.choice for each in _fitted() if protocol in each.protocols and each.names(printed)
    )


@cache
def _fitted() -> tuple[Fitted, ...]:
    path = PUBLISHED / "fitted.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path}: {error}") from None
    return parse(FittedFile, data, str(path)).fitted


def other_numbers(printed: Mapping[str, Any]) -> list[float]:
    """What the paper prints for other methods in the column of a number, of the same scores.

    Where it prints none with the same number of active clients, those with any number.
    """
    tables = published_tables()
    same = tables[
        (tables["dataset"] == printed["dataset"])
        & (tables["model"] == printed["model"])
        & (tables["scores"] == printed["scores"])
        & (tables["algorithm"] != printed["algorithm"])
    ]
    here = same[same["active_clients"] == printed["active_clients"]]
    return [float(mean) for mean in (same if here.empty else here)["mean"]]
