"""Command-line options, and the cells, seeds and methods that they select."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from benchmark import places
from benchmark.errors import BenchmarkError
from benchmark.places import algorithm_names
from benchmark.spec import (
    Cell,
    cells,
    experiment_groups,
    load_experiment,
    load_protocol,
    profile_of,
)


def _expand_groups(names: list[str]) -> list[str]:
    groups = experiment_groups()
    return list(dict.fromkeys(each for name in names for each in groups.get(name, (name,))))


Experiments = Annotated[
    list[str],
    typer.Argument(help="Names, TOML files, or a group (see list).", callback=_expand_groups),
]
ProfileName = Annotated[
    str,
    typer.Option("--profile", help="How much to run: smoke, quick, short, paper, …"),
]
Protocols = Annotated[
    list[str] | None, typer.Option("--protocol", help="as_run, as_described, or a TOML file.")
]
Algorithms = Annotated[
    list[str] | None,
    typer.Option("--algorithm", help="Only these methods: names, or paths of Python files."),
]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", help="Only these data sets.")]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Folder of the data sets [PFL_DATA_ROOT].")
]
Seeds = Annotated[str | None, typer.Option(help="How many (5) or which (0,3,4).")]
Jobs = Annotated[int, typer.Option(help="Processes; 0: one a core, one on a GPU.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Precision = Annotated[str, typer.Option(help="Of matrix products: float32, or tf32 on a GPU.")]
Download = Annotated[bool, typer.Option(help="Fetch missing data sets.")]
StoreFolder = Annotated[Path, typer.Option("--store", help="Where runs are kept.")]


def chosen(
    experiments: list[str],
    profile: str,
    protocol: list[str] | None,
    algorithm: list[str] | None,
    dataset: list[str] | None,
) -> list[tuple[Cell, int]]:
    """The cells asked for, each with the number of seeds its profile wants."""
    names = [Path(n).stem if n.endswith(".py") else n for n in algorithm or ()]
    found = []
    for name in experiments:
        experiment = load_experiment(name)
        size = profile_of(experiment, profile)
        for way in protocol or experiment.protocols[:1]:
            expanded = cells(experiment, load_protocol(way), size, names)
            found += [(cell, size.seeds) for cell in expanded]
    present = sorted({cell.data.name for cell, _ in found})
    for name in dataset or ():
        if name not in present:
            raise BenchmarkError(f"--dataset {name}: allowed here: {', '.join(present)}")
    if not found:
        raise BenchmarkError(f"--profile {profile}: leaves nothing of {', '.join(experiments)}")
    return [(cell, count) for cell, count in found if not dataset or cell.data.name in dataset]


def plugins(algorithm: list[str] | None) -> dict[str, str]:
    """The methods given as files, by the name they go by."""
    paths = {Path(name).stem: name for name in algorithm or () if name.endswith(".py")}
    for name, path in paths.items():
        if name in algorithm_names() and Path(path).resolve() != places.ALGORITHMS / f"{name}.py":
            raise BenchmarkError(
                f"--algorithm {path}: {name} is a built-in method; rename your file"
            )
    return paths


def seeds_of(text: str | None, count: int) -> list[int]:
    """Those that --seeds names, or else the profile's ``count``."""
    if text is None:
        return list(range(count))
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or ("," not in text and seeds[0] == 0):
        raise BenchmarkError(f"--seeds {text}: allowed: a number of seeds (5) or a list (0,3,4)")
    return list(dict.fromkeys(seeds)) if "," in text else list(range(seeds[0]))


def spans(numbers: Iterable[int]) -> str:
    """``0-4, 7``: sorted numbers, those in a row together."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
