"""TOML files: experiments and protocols, which may extend others of their kind."""

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
"""What an experiment does not take from the ones that it extends."""


def load_experiment(name: str | Experiment) -> Experiment:
    """The experiment of this name, or in the TOML file at this path; an experiment is itself.

    A file that extends others inherits grid and profiles from the first unless it sets them.
    Rules are concatenated in order; its own come last.
    Raises BenchmarkError also for a rule or a profile that names what no grid of its file has.
    """
    if isinstance(name, Experiment):
        return name
    return _loaded(_find(name, "experiment", experiment_names()), ())[0]


def _loaded(path: Path, above: tuple[Path, ...]) -> tuple[Experiment, dict[str, Any]]:
    """An experiment, and what it hands on, beside its rules, to those ``above`` that extend it."""
    data = anchored(_read(path), path.parent)
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
    """Removes ``extends`` from ``data`` and returns the files that it names."""
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
    """``own``: the keys that this file sets itself; only these are checked here."""
    experiment = parse(Experiment, {"name": path.stem, **data}, str(path))
    for number, name in enumerate(experiment.protocols):
        if name not in protocol_names():
            allowed = ", ".join(protocol_names())
            raise BenchmarkError(f"{path}: protocols.{number}: no {name!r}, allowed: {allowed}")
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

    A file that extends others has their rules, in order, before its own. What else it does not
    set, it takes from the first.
    """
    return _loaded_protocol(_find(name, "protocol", protocol_names()), ())


def _loaded_protocol(path: Path, above: tuple[Path, ...]) -> Protocol:
    data = anchored(_read(path), path.parent)
    bases = [
        _loaded_protocol(base, (*above, path))
        for base in _bases(path, data, above, "protocol", protocol_names())
    ]
    shared = bases[0].model_dump(mode="json", exclude={"name", "rules"}) if bases else {}
    own = parse(Protocol, {"name": path.stem, **shared, **data}, str(path))
    models = [*MODELS, *(f"{one}+{other}" for one, other in itertools.permutations(MODELS, 2))]
    all_there_is = {
        "dataset": [*SOURCES],
        "partition": [*named_partitions()],
        "model": models,
        "algorithm": algorithm_names(),
    }
    wheres = {f"rules.{n}.where": rule.where for n, rule in enumerate(own.rules)}
    _check(wheres, [all_there_is], path)
    below = tuple(rule for base in bases for rule in base.rules)
    return own.model_copy(update={"rules": (*below, *own.rules)})


def experiment_groups() -> dict[str, list[str]]:
    """Groups of built-in experiments by name: tables first, in the order of their numbers."""
    experiments = [load_experiment(name) for name in experiment_names()]
    experiments.sort(key=lambda e: (e.figure is not None, e.table or 0, e.name))
    groups: dict[str, list[str]] = {}
    for experiment in experiments:
        if experiment.group is not None:
            groups.setdefault(experiment.group, []).append(experiment.name)
    return groups


def profile_of(experiment: Experiment, name: str) -> Profile:
    """One of the experiment's profiles, such as smoke (seconds), quick (minutes) or paper (full
    scale)."""
    if name not in experiment.profiles:
        allowed = ", ".join(experiment.profiles)
        raise BenchmarkError(f"{experiment.name}: no profile {name!r}, allowed: {allowed}")
    return experiment.profiles[name]


def _check(
    wheres: Mapping[str, Where], grids: Sequence[Mapping[str, Sequence[Any]]], path: Path
) -> None:
    """Raise BenchmarkError unless some grid meets each condition.

    An axis that a grid lacks may have any value.
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
