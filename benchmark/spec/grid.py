"""Expand an experiment under a protocol and a profile into its cells."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.places import algorithm_names
from benchmark.spec.cell import Cell
from benchmark.spec.experiment import Experiment, Grid, Profile, Protocol, Rule
from benchmark.spec.outside import resolved
from benchmark.spec.partitions import beside_a_name, named_partitions
from benchmark.spec.validation import parse


def cells(
    experiment: Experiment,
    protocol: Protocol,
    profile: Profile,
    algorithms: Sequence[str] = (),
) -> list[Cell]:
    """The cells of an experiment, in the order of its grids, each once.

    Later ones override earlier ones: the protocol's rules, the experiment's rules, the sweep of
    the grid, the profile. Rules do not change the kind of a partition that the grid names.
    algorithms: methods that replace those of the grid. Empty: those of the grid. A method that
        the grid does not name is left out of its sweep of ``hyper``, since the same symbol may
        mean something else there.
    """
    unique: dict[str, Cell] = {}
    for grid in experiment.grid:
        named = frozenset(expand_names(grid.algorithm))
        for point, sweep in _points(grid, algorithms):
            if not profile.only.matches(point):
                continue
            data = _cell(point, [*protocol.rules, *experiment.rules])
            data |= {name: sweep[name] for name in grid.switches}
            if point["algorithm"] in named:
                data["hyper"] = data["hyper"] | {name: sweep[name] for name in grid.hyper}
            for field in ("rounds", "evaluate_every"):
                if (value := getattr(profile, field)) is not None:
                    data[field] = value
            where = " ".join(f"{axis}={value}" for axis, value in point.items() if value)
            source = f"{experiment.name} under {protocol.name}, {where}"
            cell = parse(Cell, _with_files(data, source), source)
            if protocol.reduction == "at_best_validation" and not cell.partition.validates:
                raise BenchmarkError(
                    f"{source}: partition.validation_fraction is 0, allowed: above 0, because "
                    f"{protocol.name} chooses rounds on validation data"
                )
            unique.setdefault(cell.digest, cell)
    return list(unique.values())


def _points(
    grid: Grid, algorithms: Sequence[str]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    chosen = list(algorithms) or list(expand_names(grid.algorithm))
    axes = itertools.product(
        grid.dataset, grid.partition or (None,), grid.model, chosen, grid.active_clients
    )
    names = ("dataset", "partition", "model", "algorithm", "active_clients")
    sweeps = [
        dict(zip(grid.sweeps, values, strict=True))
        for values in itertools.product(*grid.sweeps.values())
    ]
    for values in axes:
        for sweep in sweeps:
            yield dict(zip(names, values, strict=True)), sweep


def expand_names(names: Iterable[str]) -> Iterator[str]:
    """Names of methods; ``*`` is replaced by every built-in one."""
    for name in names:
        yield from algorithm_names() if name == "*" else [name]


def _cell(point: dict[str, Any], rules: Iterable[Rule]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "data": {"name": point["dataset"]},
        **_models(point["model"]),
        "algorithm": point["algorithm"],
        "active_clients": point["active_clients"],
        "hyper": {},
    }
    if point["partition"] is not None:
        data["partition"] = dict(named_partitions()[point["partition"]])
    for rule in rules:
        if rule.where.matches(point):
            named = point["partition"] is not None
            data = _overlay(data, beside_a_name(rule.set) if named else rule.set)
    return data


def _with_files(data: dict[str, Any], source: str) -> dict[str, Any]:
    try:
        return resolved(data)
    except BenchmarkError as error:
        raise BenchmarkError(f"{source}: {error}") from None


def _models(name: str) -> dict[str, Any]:
    """The models that ``mlr`` or ``mlr+dnn`` names; ``+`` precedes the clients' own model."""
    model, _, auxiliary = name.partition("+")
    return {"model": {"name": model}} | ({"auxiliary": {"name": auxiliary}} if auxiliary else {})


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge ``above`` into ``below``; a table that names its ``kind`` replaces the one below."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict) and "kind" not in value:
            merged[key] = _overlay(below[key], value)
        else:
            merged[key] = value
    return merged
