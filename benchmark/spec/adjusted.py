"""Experiments with settings that the user gives by ``--set``."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.spec.cell import Cell, Scalar
from benchmark.spec.experiment import Experiment, Grid, Profile, Rule

AXES = {
    "algorithm": "--algorithm",
    "data.name": "--dataset",
    "model.name": "--model",
    "auxiliary.name": "--model",
}
"""Fields that an axis of the grid sets, each with the option that selects from the axis."""
PATH = re.compile(r"[A-Za-z_]\w{0,63}(\.[A-Za-z_]\w{0,63}){0,3}", re.ASCII)
VALUE = re.compile(r"[\w.+-]{1,64}", re.ASCII)
TABLES = {"data", "partition", "model", "auxiliary", "hyper"}
"""Fields of a cell that hold further fields."""


def parse_settings(texts: Sequence[str]) -> dict[str, Scalar]:
    """Parse ``["rounds=100", "hyper.lam=5"]`` into values by dotted field of a cell.

    A value is a number, true, false, or a word. Raises BenchmarkError for a malformed text and
    for a field that cells do not have.
    """
    settings: dict[str, Scalar] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not (equals and PATH.fullmatch(path) and VALUE.fullmatch(value)):
            raise BenchmarkError(f"--set {text}: allowed: FIELD=VALUE, such as hyper.lam=5")
        if path in AXES:
            raise BenchmarkError(f"--set {text}: use {AXES[path]}")
        field, dot, _ = path.partition(".")
        if field not in Cell.model_fields or bool(dot) != (field in TABLES):
            known = (f"{name}.…" if name in TABLES else name for name in Cell.model_fields)
            raise BenchmarkError(f"--set {text}: unknown field, allowed: {', '.join(known)}")
        if any(other.startswith(f"{path}.") or path.startswith(f"{other}.") for other in settings):
            raise BenchmarkError(f"--set {text}: a part of it is set too")
        settings[path] = _value(value)
    return settings


def _value(text: str) -> Scalar:
    try:
        value = json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text


def adjusted(
    experiment: Experiment, settings: Mapping[str, Scalar], only: Mapping[str, Sequence[str]]
) -> Experiment:
    """The experiment with ``settings`` in every cell; without settings, the experiment itself.

    settings: values by dotted field of a cell; they override rules, sweeps and profiles.
    only: per axis of the grid (dataset, model, algorithm) the values to keep; empty: all. Cells
        with other values need not have the fields that are set.
    Name and title of the result list the settings. It has no published numbers: these belong to
    the original settings.
    """
    if not settings:
        return experiment
    listed = ", ".join(f"{path} = {_spelled(value)}" for path, value in settings.items())
    rule = Rule(set=_nested(settings))
    return experiment.model_copy(
        update={
            "name": _named(f"{experiment.name}, {listed}"),
            "title": f"{experiment.title} (set: {listed})"[:200],
            "group": None,
            "table": None,
            "figure": None,
            "misprints": (),
            "rules": (*experiment.rules, rule),
            "grid": tuple(_narrowed(grid, settings, only) for grid in experiment.grid),
            "profiles": {n: _free(p, settings) for n, p in experiment.profiles.items()},
        }
    )


def _narrowed(
    grid: Grid, settings: Mapping[str, Scalar], only: Mapping[str, Sequence[str]]
) -> Grid:
    hyper = {name: axis for name, axis in grid.hyper.items() if f"hyper.{name}" not in settings}
    switches = {name: axis for name, axis in grid.switches.items() if name not in settings}
    axes = {axis: _kept(getattr(grid, axis), names) for axis, names in only.items() if names}
    return grid.model_copy(update={"hyper": hyper, "switches": switches, **axes})


def _kept(axis: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names) if "*" in axis else tuple(name for name in axis if name in names)


def _free(profile: Profile, settings: Mapping[str, Scalar]) -> Profile:
    freed = {field: None for field in ("rounds", "evaluate_every") if field in settings}
    return profile.model_copy(update=freed)


def _named(text: str) -> str:
    """The text as the name of a page; a long one is cut and ends in a digest."""
    name = re.sub(r"\W+", "_", text.lower(), flags=re.ASCII)
    return (
        name if len(name) <= 64 else f"{name[:55]}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    )


def _nested(settings: Mapping[str, Scalar]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in settings.items():
        *outer, last = path.split(".")
        table = nested
        for key in outer:
            table = table.setdefault(key, {})
        table[last] = value
    return nested


def _spelled(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
