"""A request: experiments, and the cells and seeds that are selected. No torch."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark import places
from benchmark.errors import BenchmarkError
from benchmark.places import algorithm_names
from benchmark.spec import (
    Cell,
    Experiment,
    Profile,
    Protocol,
    adjusted,
    cells,
    experiment_groups,
    load_experiment,
    load_protocol,
    parse_settings,
    profile_of,
)
from benchmark.spec.outside import with_model

MOST_SEEDS = 1000
LARGEST_SEED = 2**32 - 1
FILE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

Wanted = tuple[Cell, list[int]]
"""A cell and the seeds of its runs."""
Expand = Callable[[Experiment, Protocol, Profile, Sequence[str]], list[Cell]]


@dataclass(frozen=True, kw_only=True)
class Request:
    """Experiments, and the selected part of them."""

    experiments: tuple[Experiment, ...]
    """The experiments."""
    profile: str = "paper"
    """Name of a profile of each experiment."""
    protocols: tuple[str, ...] = ()
    """Names of protocols or TOML files. Empty: the first protocol of each experiment."""
    algorithms: tuple[str, ...] = ()
    """Names of methods or paths of Python files. Empty: those of the experiment."""
    datasets: tuple[str, ...] = ()
    """Names of data sets. Empty: all of the experiment."""
    models: tuple[str, ...] = ()
    """Names of models or paths of Python files. Empty: all of the experiment."""
    seeds: str | None = None
    """Text for :func:`seeds_of`. None: the number of seeds of the profile."""

    def __post_init__(self) -> None:
        files_by_name(self.algorithms)

    @property
    def methods(self) -> dict[str, str]:
        """Paths of users' methods by name."""
        return files_by_name(self.algorithms)

    def parts(self) -> Iterator[tuple[Experiment, Protocol, Profile]]:
        """Each experiment under each protocol, with its profile."""
        for experiment in self.experiments:
            for protocol in self.protocols or experiment.protocols[:1]:
                yield experiment, load_protocol(protocol), profile_of(experiment, self.profile)

    def wanted(self, expand: Expand = cells) -> list[Wanted]:
        """The selected cells, each with its seeds. Raises BenchmarkError if there is none.

        expand: returns the cells of an experiment under a protocol and a profile.
        """
        names = names_of(self.algorithms)
        found = [
            (cell, seeds_of(self.seeds, size.seeds))
            for experiment, protocol, size in self.parts()
            for cell in expand(experiment, protocol, size, names)
        ]
        if not found:
            asked = ", ".join(experiment.name for experiment in self.experiments)
            raise BenchmarkError(f"--profile {self.profile}: selects nothing of {asked}")
        found = _only("--dataset", self.datasets, found, lambda cell: cell.data.name)
        models = names_of(self.models)
        return _only("--model", models, found, lambda cell: cell.model.called)


def experiments_of(
    names: Sequence[str],
    settings: Sequence[str] = (),
    *,
    datasets: Sequence[str] = (),
    models: Sequence[str] = (),
    algorithms: Sequence[str] = (),
) -> tuple[Experiment, ...]:
    """The experiments of these names, files or groups, each once.

    settings: ``FIELD=VALUE`` for every cell of these data sets, models and methods (see
    :func:`benchmark.spec.adjusted`). Models that are Python files stand beside the experiment's.
    """
    values = parse_settings(settings)
    only = {
        "dataset": datasets,
        "model": names_of(models),
        "algorithm": names_of(algorithms),
    }
    loaded = [_with_models(load_experiment(name), models) for name in expand_groups(names)]
    return tuple(adjusted(experiment, values, only) for experiment in loaded)


def _with_models(experiment: Experiment, models: Sequence[str]) -> Experiment:
    """The experiment with the models that are a user's files, beside its own."""
    for given in models:
        if given.endswith(".py"):
            check_file_name(given)
            experiment = with_model(experiment, Path(given))
    return experiment


def expand_groups(names: Sequence[str]) -> list[str]:
    """Names and files of experiments; a group is replaced by its members. Each occurs once."""
    groups = experiment_groups()
    single = dict.fromkeys(each for name in names for each in groups.get(name, (name,)))
    for name in single:
        if name.endswith(".toml"):
            check_file_name(name)
    return list(single)


def names_of(given: Sequence[str]) -> list[str]:
    """The names of methods, or models, that are given by name or by path."""
    return [Path(each).stem if each.endswith(".py") else each for each in given]


def files_by_name(algorithms: Sequence[str]) -> dict[str, str]:
    """The methods given as files, by name. Raises BenchmarkError if a name is taken twice."""
    paths: dict[str, str] = {}
    for given in algorithms:
        if not given.endswith(".py"):
            continue
        name, path = Path(given).stem, Path(given).resolve()
        check_file_name(given)
        if name in algorithm_names() and path != places.ALGORITHMS / f"{name}.py":
            raise BenchmarkError(
                f"--algorithm {given}: {name} is the name of a built-in method; rename your file"
            )
        if name in paths and Path(paths[name]).resolve() != path:
            raise BenchmarkError(
                f"--algorithm {given}: {paths[name]} has the same name; rename one of the files"
            )
        paths[name] = given
    return paths


def check_file_name(path: str) -> None:
    """Raise BenchmarkError unless results can be stored under the file's name."""
    if not FILE_NAME.fullmatch(Path(path).stem):
        raise BenchmarkError(
            f"{path}: rename the file: lower-case letters, digits, underscores, a letter first"
        )


def seeds_of(text: str | None, count: int) -> list[int]:
    """The seeds that a text selects; None: 0 … ``count`` − 1.

    ``5``: the first five. ``0,3,4``: these. ``7,``: this one. Raises BenchmarkError for more than
    MOST_SEEDS or one above LARGEST_SEED.
    """
    if text is None:
        return list(range(count))
    parts = text.removesuffix(",").split(",") if "," in text else [text]
    if not all(re.fullmatch(r"\s*[0-9]{1,10}\s*", part, re.ASCII) for part in parts):
        raise BenchmarkError(
            f"--seeds {text}: allowed: a number of seeds (5), or which ones (0,3,4 or 7,)"
        )
    numbers = list(dict.fromkeys(map(int, parts)))
    if "," not in text:
        if not 1 <= numbers[0] <= MOST_SEEDS:
            raise BenchmarkError(f"--seeds {text}: allowed: 1 to {MOST_SEEDS} seeds")
        return list(range(numbers[0]))
    if len(numbers) > MOST_SEEDS or max(numbers) > LARGEST_SEED:
        raise BenchmarkError(
            f"--seeds {text}: allowed: up to {MOST_SEEDS} seeds, each 0 to {LARGEST_SEED}"
        )
    return numbers


def _only(
    option: str, named: Sequence[str], found: list[Wanted], name_of: Callable[[Cell], str]
) -> list[Wanted]:
    """Keep the cells with one of these names; all cells if no name is given."""
    present = sorted({name_of(cell) for cell, _ in found})
    for name in named:
        if name not in present:
            raise BenchmarkError(f"{option} {name}: allowed here: {', '.join(present)}")
    return [pair for pair in found if not named or name_of(pair[0]) in named]
