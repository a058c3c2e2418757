"""From files to cells: experiments, protocols and profiles expanded over their grid."""

import itertools
import os.path
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.places import (
    EXPERIMENTS,
    PROTOCOLS,
    algorithm_names,
    experiment_names,
    protocol_names,
)
from benchmark.spec import MODELS, Cell, Experiment, Grid, Profile, Protocol, Rule, Where
from benchmark.spec.faults import parse
from datasets import SOURCES
from datasets.files import read_bytes

LARGEST = 2**18  # bytes of a TOML file
LABELS = ("name", "title", "table", "figure", "misprints")


def load_experiment(name: str) -> Experiment:
    """An experiment by name, or by the path of a TOML file.

    One that extends others has, where it sets none of its own, the first one's grid and profiles;
    it has the rules of all, in order, and its own come last.
    Raises BenchmarkError also for a rule or a profile that names what is in no grid of its file.
    """
    return _loaded(_find(name, "experiment", experiment_names()), ())[0]


def _loaded(path: Path, above: tuple[Path, ...]) -> tuple[Experiment, dict[str, Any]]:
    """An experiment that those above it extend, and what it hands on to them beside its rules."""
    data = _read(path)
    rules: tuple[Rule, ...] = ()
    shared: dict[str, Any] = {}
    for base in _bases(path, data, above, "experiment", experiment_names()):
        experiment, handed = _loaded(base, (*above, path))
        rules += experiment.rules
        shared = handed | shared
    whole = shared | data
    own = _experiment(path, whole, data)
    handed_on = {key: value for key, value in whole.items() if key not in (*LABELS, "rules")}
    return own.model_copy(update={"rules": rules + own.rules}), handed_on


def _bases(
    path: Path, data: dict[str, Any], above: tuple[Path, ...], what: str, known: Sequence[str]
) -> list[Path]:
    """The files that ``data`` says it extends, which it then says no more."""
    extends = data.pop("extends", [])
    named = [extends] if isinstance(extends, str) else extends
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise BenchmarkError(f"{path}: extends: allowed: a name or a path, or a list of them")
    try:
        found = [_find(each, what, known) for each in named]
    except BenchmarkError as error:
        raise BenchmarkError(f"{path}: extends: {error}") from None
    if {*found} & {*above, path}:
        raise BenchmarkError(f"{path}: extends: the file comes round to itself")
    return found


def _experiment(path: Path, data: dict[str, Any], own: Mapping[str, Any]) -> Experiment:
    """``own``: what the file itself says of ``data``, and answers for."""
    experiment = parse(Experiment, {"name": path.stem, **data}, str(path))
    for number, name in enumerate(experiment.protocols):
        if name not in protocol_names():
            allowed = ", ".join(protocol_names())
            raise BenchmarkError(f"{path}: protocols.{number}: no {name!r}, allowed: {allowed}")
    grids = [
        {**dict(grid), "algorithm": [*_expand(grid.algorithm), *algorithm_names()]}
        for grid in experiment.grid
    ]
    if "rules" in own:
        _check({f"rules.{n}.where": r.where for n, r in enumerate(experiment.rules)}, grids, path)
    _check(
        {f"misprints.{n}.where": m.where for n, m in enumerate(experiment.misprints)}, grids, path
    )
    if "profiles" in own:
        only = {f"profiles.{name}.only": p.only for name, p in experiment.profiles.items()}
        _check(only, grids, path)
    return experiment


def load_protocol(name: str) -> Protocol:
    """A protocol by name (``as_run``, ``as_described``), or by the path of a TOML file.

    One that extends others has their rules, in order, before its own, and of the first what else
    it does not set.
    """
    return _loaded_protocol(_find(name, "protocol", protocol_names()), ())


def _loaded_protocol(path: Path, above: tuple[Path, ...]) -> Protocol:
    data = _read(path)
    bases = [
        _loaded_protocol(base, (*above, path))
        for base in _bases(path, data, above, "protocol", protocol_names())
    ]
    shared = bases[0].model_dump(mode="json", exclude={"name", "rules"}) if bases else {}
    own = parse(Protocol, {"name": path.stem, **shared, **data}, str(path))
    models = [*MODELS, *(f"{one}+{other}" for one, other in itertools.permutations(MODELS, 2))]
    all_there_is = {"dataset": [*SOURCES], "model": models, "algorithm": algorithm_names()}
    wheres = {f"rules.{n}.where": rule.where for n, rule in enumerate(own.rules)}
    _check(wheres, [all_there_is], path)
    below = tuple(rule for base in bases for rule in base.rules)
    return own.model_copy(update={"rules": (*below, *own.rules)})


def _check(
    wheres: Mapping[str, Where], grids: Sequence[Mapping[str, Sequence[Any]]], path: Path
) -> None:
    """Can each condition be met in some grid? An axis that a grid lacks may have any value."""
    for field, where in wheres.items():
        for axis, named in where:
            allowed = {value: None for grid in grids for value in grid.get(axis, named)}
            for value in named:
                if value not in allowed:
                    raise BenchmarkError(
                        f"{path}: {field}.{axis}: {value!r} matches nothing, "
                        f"allowed: {', '.join(map(str, allowed))}"
                    )
        if not any(
            all(not named or {*named} & {*grid.get(axis, named)} for axis, named in where)
            for grid in grids
        ):
            raise BenchmarkError(f"{path}: {field}: matches nothing: no grid has all of these")


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
            data |= {name: sweep[name] for name in grid.switches}
            data["hyper"] = data["hyper"] | {name: sweep[name] for name in grid.hyper}
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
        dict(zip(grid.sweeps, values, strict=True))
        for values in itertools.product(*grid.sweeps.values())
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
        **_models(point["model"]),
        "algorithm": point["algorithm"],
        "active_clients": point["active_clients"],
        "hyper": {},
    }
    for rule in rules:
        if rule.where.matches(point):
            data = _overlay(data, rule.set)
    return data


def _models(name: str) -> dict[str, Any]:
    """``mlr``, or with another architecture for clients' own models ``mlr+dnn``."""
    model, _, auxiliary = name.partition("+")
    return {"model": {"name": model}} | ({"auxiliary": {"name": auxiliary}} if auxiliary else {})


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
        return {"experiment": EXPERIMENTS, "protocol": PROTOCOLS}[what] / f"{name}.toml"
    if name.endswith(".toml") and os.path.isfile(name):
        return Path(name)
    raise BenchmarkError(f"no {what} {name!r}, allowed: {', '.join(known)}, or a path to a .toml")


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(read_bytes(path, LARGEST).decode())
        _no_dates(data)
    except RecursionError:
        raise BenchmarkError(f"{path}: lists or tables are nested too deeply") from None
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path}: {error}") from None
    return data


def _no_dates(value: Any, field: str = "") -> None:
    if isinstance(value, date | time):
        raise ValueError(f"{field}: a date or a time; allowed: text in quotes, a number, true, …")
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, part in value.items():
            _no_dates(part, f"{field}.{key}" if field else str(key))
