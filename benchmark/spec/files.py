"""Load experiments and protocols from TOML files, which may extend others of their kind."""

import itertools
import os.path
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.models import MODELS
from benchmark.places import (
    EXPERIMENTS,
    PROTOCOLS,
    algorithm_names,
    experiment_names,
    protocol_names,
)
from benchmark.spec.experiment import Experiment, Profile, Protocol, Rule, Where
from benchmark.spec.grid import expand_names
from benchmark.spec.outside import anchored
from benchmark.spec.partitions import named_partitions
from benchmark.spec.validation import parse
from datasets import SOURCES
from datasets.files import read_bytes

LARGEST = 2**18  # bytes of a TOML file
LABELS = ("name", "title", "group", "table", "figure", "misprints")
"""Fields that an experiment does not inherit from those that it extends."""


def load_experiment(name: str | Experiment) -> Experiment:
    """The experiment of this name, or in the TOML file at this path; an Experiment as it is.

    A file that extends others inherits grid and profiles from the first unless it sets them.
    Rules are concatenated in order; its own come last.
    Raises BenchmarkError, also if a rule or a profile of the file matches no point of its grids.
    """
    if isinstance(name, Experiment):
        return name
    return _loaded(_find(name, "experiment", experiment_names()), ())[0]


def _loaded(path: Path, above: tuple[Path, ...]) -> tuple[Experiment, dict[str, Any]]:
    """An experiment, and the fields (beside its rules) that files which extend it inherit.

    above: the files that extend this one, directly or not.
    """
    data = anchored(_read(path), path.parent)
    rules: tuple[Rule, ...] = ()
    shared: dict[str, Any] = {}
    for base in _bases(path, data, above, "experiment", experiment_names()):
        extended, handed = _loaded(base, (*above, path))
        rules += extended.rules
        shared = handed | shared
    whole = shared | data
    experiment = _experiment(path, whole, data)
    handed_on = {key: value for key, value in whole.items() if key not in (*LABELS, "rules")}
    return experiment.model_copy(update={"rules": rules + experiment.rules}), handed_on


def _bases(
    path: Path, data: dict[str, Any], above: tuple[Path, ...], what: str, known: Sequence[str]
) -> list[Path]:
    """Remove ``extends`` from ``data`` and return the files that it names."""
    extends = data.pop("extends", [])
    named = [extends] if isinstance(extends, str) else extends
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise BenchmarkError(f"{path}: extends: allowed: a name or a path, or a list of them")
    try:
        files = [_find(each, what, known) for each in named]
    except BenchmarkError as error:
        raise BenchmarkError(f"{path}: extends: {error}") from None
    if {*files} & {*above, path}:
        raise BenchmarkError(f"{path}: extends: the file extends itself")
    return files


def _experiment(path: Path, data: dict[str, Any], own: Mapping[str, Any]) -> Experiment:
    """Validate ``data``, the fields of the file at ``path`` with those that it inherits.

    own: the fields that the file sets itself; only these are checked against its grids.
    """
    experiment = parse(Experiment, {"name": path.stem, **data}, str(path))
    for number, name in enumerate(experiment.protocols):
        try:
            _find(name, "protocol", protocol_names())
        except BenchmarkError as error:
            raise BenchmarkError(f"{path}: protocols.{number}: {error}") from None
    trials = (experiment.tuning.partition,) if experiment.tuning else ()
    places = {f"grid.{n}.partition": grid.partition for n, grid in enumerate(experiment.grid)}
    for field, names in {**places, "tuning.partition": trials}.items():
        for name in names:
            if name not in named_partitions():
                allowed = ", ".join(named_partitions())
                raise BenchmarkError(f"{path}: {field}: no {name!r}, allowed: {allowed}")
    grids = [
        {
            **dict(grid),
            "algorithm": [*expand_names(grid.algorithm), *algorithm_names()],
            "partition": (*grid.partition, *trials),
        }
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
    """The protocol of this name (``as_run``, ``as_described``), or in the TOML file at this path.

    A file that extends others has their rules, in order, before its own. It inherits the other
    fields that it does not set from the first.
    """
    return _loaded_protocol(_find(name, "protocol", protocol_names()), ())


def _loaded_protocol(path: Path, above: tuple[Path, ...]) -> Protocol:
    data = anchored(_read(path), path.parent)
    bases = [
        _loaded_protocol(base, (*above, path))
        for base in _bases(path, data, above, "protocol", protocol_names())
    ]
    shared = bases[0].model_dump(mode="json", exclude={"name"}) | {"rules": []} if bases else {}
    protocol = parse(Protocol, {"name": path.stem, **shared, **data}, str(path))
    pairs = itertools.permutations(MODELS, 2)
    models = [*MODELS, *(f"{model}+{auxiliary}" for model, auxiliary in pairs)]
    all_values = {
        "dataset": [*SOURCES],
        "partition": [*named_partitions()],
        "model": models,
        "algorithm": algorithm_names(),
    }
    wheres = {f"rules.{n}.where": rule.where for n, rule in enumerate(protocol.rules)}
    _check(wheres, [all_values], path)
    below = tuple(rule for base in bases for rule in base.rules)
    return protocol.model_copy(update={"rules": (*below, *protocol.rules)})


def experiment_groups() -> dict[str, list[str]]:
    """Names of built-in experiments by group, tables first, in the order of their numbers."""
    experiments = [load_experiment(name) for name in experiment_names()]
    experiments.sort(key=lambda e: (e.figure is not None, e.table or 0, e.name))
    groups: dict[str, list[str]] = {}
    for experiment in experiments:
        if experiment.group is not None:
            groups.setdefault(experiment.group, []).append(experiment.name)
    return groups


def profile_of(experiment: Experiment, name: str) -> Profile:
    """The experiment's profile of this name, such as smoke (seconds), quick (minutes) or paper
    (full scale). Raises BenchmarkError if it has none."""
    if name not in experiment.profiles:
        allowed = ", ".join(experiment.profiles)
        raise BenchmarkError(f"{experiment.name}: no profile {name!r}, allowed: {allowed}")
    return experiment.profiles[name]


def _check(
    wheres: Mapping[str, Where], grids: Sequence[Mapping[str, Sequence[Any]]], path: Path
) -> None:
    """Raise BenchmarkError unless each condition matches a point of a grid.

    An axis that is missing from a grid matches any value.
    """
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
