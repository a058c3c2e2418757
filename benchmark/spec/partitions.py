"""Partitions by name: what the axis ``partition`` of a grid chooses from."""

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
    """Who holds what, by name: tables of a cell's ``partition`` without its number of clients."""
    return tomllib.loads(PARTITIONS.read_text(encoding="utf-8"))


def beside_a_name(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule's fields of a cell leave of themselves where the grid names the partition.

    A table that names another kind of partition gives only what all kinds have in common, and no
    order "as_given", which is that of its own kind.
    """
    table = fields.get("partition")
    if not isinstance(table, dict) or "kind" not in table:
        return dict(fields)
    common = {k: v for k, v in table.items() if k in COMMON and (k, v) != ("order", "as_given")}
    return {**fields, "partition": common}
