"""Users' files that a cell names by path: data sets, models, partitions.

A path in a TOML file is relative to that file's folder. A cell keeps the path, to find the file,
but its digest contains the file's digest instead: an edited file makes another cell, a moved one
does not.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.models import MODELS
from benchmark.spec.experiment import Experiment, Rule, Where
from datasets import DataError, Partition, digest_of

TABLES = ("data", "model", "auxiliary", "partition")
"""Fields of a cell that may have a ``path``."""


def anchored(file: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The tables of a TOML file, with the paths of its protocols and in its rules made absolute.

    folder: the folder of the file, to which paths are relative.
    """
    own: dict[str, Any] = {}
    if isinstance(rules := file.get("rules"), list):
        own["rules"] = [_anchored_rule(rule, folder) for rule in rules]
    if isinstance(protocols := file.get("protocols"), list):
        own["protocols"] = [_anchored_protocol(name, folder) for name in protocols]
    return {**file, **own}


def _anchored_protocol(name: Any, folder: Path) -> Any:
    is_path = isinstance(name, str) and name.endswith(".toml")
    return os.path.abspath(folder / name) if is_path else name


def _anchored_rule(rule: Any, folder: Path) -> Any:
    fields = rule.get("set") if isinstance(rule, dict) else None
    if not isinstance(fields, dict):
        return rule
    changed = {
        name: {**table, "path": str((folder / Path(table["path"]).expanduser()).resolve())}
        for name, table in fields.items()
        if name in TABLES and isinstance(table, dict) and isinstance(table.get("path"), str)
    }
    return {**rule, "set": {**fields, **changed}}


def resolved(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a cell, with digests of its files beside their paths.

    Raises BenchmarkError if a file is missing or unusable.
    """
    fields = dict(cell)
    for name in TABLES:
        table = cell.get(name)
        if isinstance(table, dict) and isinstance(table.get("path"), str):
            try:
                fields[name] = {**table, **_content(name, table)}
            except DataError as error:
                raise BenchmarkError(f"{name}.path: {error}") from None
    return fields


def _content(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    path = Path(table["path"])
    if name == "data":
        return {"sha256": digest_of(path)}
    if name == "partition":
        partition = Partition.load(path)
        return {"sha256": partition.digest, "clients": partition.clients}
    return {"name": "own", "file": path.stem, "sha256": digest_of(path)}


def with_model(experiment: Experiment, path: Path) -> Experiment:
    """The experiment with one more model: that in a Python file, under the file's name.

    Raises BenchmarkError if a built-in model has that name.
    """
    name = path.stem
    if name in MODELS:
        raise BenchmarkError(f"--model {path}: {name} is a built-in model; rename your file")
    own = Rule(where=Where(model=(name,)), set={"model": {"path": str(path.resolve())}})
    grids = tuple(
        grid.model_copy(update={"model": (*grid.model, name)}) for grid in experiment.grid
    )
    return experiment.model_copy(update={"grid": grids, "rules": (*experiment.rules, own)})
