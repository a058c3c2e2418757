"""From files to cells: experiments, protocols and profiles expanded over their grid."""

import itertools
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell, Experiment, Grid, Profile, Protocol, Rule, parse

HERE = Path(__file__).resolve().parent
LABELS = ("name", "title", "table", "figure")
ALGORITHMS = HERE.parent / "algorithms"


def algorithm_names() -> list[str]:
    """The methods of this house: one file each in algorithms/, found without importing them."""
    return sorted(path.stem for path in ALGORITHMS.glob("[a-z]*.py"))


def experiment_names() -> list[str]:
    """The experiments that come with the suite."""
    return sorted(path.stem for path in (HERE / "experiments").glob("*.toml"))


def load_experiment(name: str) -> Experiment:
    """An experiment by name, or by the path of a TOML file."""
    path = _find(name, "experiment", experiment_names())
    data = _read(path)
    if "extends" in data:
        base = _read(_find(str(data.pop("extends")), "experiment", experiment_names()))
        shared = {key: value for key, value in base.items() if key not in LABELS}
        data = shared | data
    return parse(Experiment, {"name": path.stem, **data}, str(path))


def load_protocol(name: str) -> Protocol:
    """A protocol by name (``as_run``, ``as_described``), or by the path of a TOML file."""
    known = sorted(path.stem for path in (HERE / "protocols").glob("*.toml"))
    path = _find(name, "protocol", known)
    return parse(Protocol, {"name": path.stem, **_read(path)}, str(path))


def profile_of(experiment: Experiment, name: str) -> Profile:
    """One of the experiment's profiles: smoke (seconds), quick (minutes), paper (full scale)."""
    if name not in experiment.profiles:
        allowed = ", ".join(experiment.profiles)
        raise BenchmarkError(f"{experiment.name}: no profile {name!r}, allowed: {allowed}")
    return experiment.profiles[name]


def cells(
    experiment: Experiment,
    protocol: Protocol,
    profile: Profile,
    algorithms: Sequence[str] = (),
) -> list[Cell]:
    """The cells of an experiment, in the order of its grid, each once.

    The more specific wins: the protocol's rules, then the experiment's, the sweep of the
    grid, the profile. ``algorithms``, where given, replaces the grid's own choice.
    """
    found: dict[str, Cell] = {}
    for grid in experiment.grid:
        for point, sweep in _points(grid, algorithms):
            if not profile.only.matches(point):
                continue
            data = _cell(point, [*protocol.rules, *experiment.rules])
            data["hyper"] = data["hyper"] | sweep
            for field in ("rounds", "evaluate_every"):
                if (value := getattr(profile, field)) is not None:
                    data[field] = value
            where = " ".join(f"{axis}={value}" for axis, value in point.items())
            cell = parse(Cell, data, f"{experiment.name} under {protocol.name}, {where}")
            found.setdefault(cell.digest, cell)
    return list(found.values())


def _points(
    grid: Grid, algorithms: Sequence[str]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    chosen = list(algorithms) or list(_expand(grid.algorithm))
    axes = itertools.product(grid.dataset, grid.model, chosen, grid.active_clients)
    names = ("dataset", "model", "algorithm", "active_clients")
    sweeps = [
        dict(zip(grid.hyper, values, strict=True))
        for values in itertools.product(*grid.hyper.values())
    ]
    for values in axes:
        for sweep in sweeps:
            yield dict(zip(names, values, strict=True)), sweep


def _expand(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from algorithm_names() if name == "*" else [name]


def _cell(point: dict[str, Any], rules: Iterable[Rule]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "data": {"name": point["dataset"]},
        "model": {"name": point["model"]},
        "algorithm": point["algorithm"],
        "active_clients": point["active_clients"],
        "hyper": {},
    }
    for rule in rules:
        if rule.where.matches(point):
            data = _overlay(data, rule.set)
    return data


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables are merged; one that names its ``kind`` replaces what was there."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict) and "kind" not in value:
            merged[key] = _overlay(below[key], value)
        else:
            merged[key] = value
    return merged


def _find(name: str, what: str, known: Sequence[str]) -> Path:
    if name in known:
        return HERE / f"{what}s" / f"{name}.toml"
    if name.endswith(".toml") and Path(name).is_file():
        return Path(name)
    raise BenchmarkError(f"no {what} {name!r}, allowed: {', '.join(known)}, or a path to a .toml")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path}: {error}") from None
