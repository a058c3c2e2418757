"""Named partitions: the values of the axis ``partition`` of a grid."""

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from benchmark.places import PARTITIONS
from datasets.recipe import Recipe

COMMON = Recipe.model_fields.keys() - {"kind"}
"""Fields that every kind of partition has."""


@cache
def named_partitions() -> Mapping[str, Mapping[str, Any]]:
    """Tables of benchmark/partitions.toml by name: a cell's ``partition`` without ``clients``."""
    return tomllib.loads(PARTITIONS.read_text(encoding="utf-8"))


def beside_a_name(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a rule sets in a cell whose partition the grid names.

    A rule's table ``partition`` that names a kind keeps only the fields COMMON to all kinds,
    without the order "as_given", which makes sense for that kind alone.
    """
    table = fields.get("partition")
    if not isinstance(table, dict) or "kind" not in table:
        return dict(fields)
    common = {k: v for k, v in table.items() if k in COMMON and (k, v) != ("order", "as_given")}
    return {**fields, "partition": common}
