"""Where numbers come from: the command that makes them today, and how they were made."""

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from benchmark.places import algorithm_names, experiment_names, protocol_names
from benchmark.store import Run
from reports.names import DATASETS, data_label, method_name, model_name
from reports.results import Results
from reports.stored import FULL_SCALE, SHORT, Made


class Origin(NamedTuple):
    """How the runs of one method on one data set with one model are made."""

    label: str
    """Data set, model and method."""
    seeds: str
    """The seeds, separated by commas."""
    today: str
    """The command that makes them at this commit."""
    original: list[int]
    """Numbers, from 1, of the commands that made the runs in the store."""
    commits: str
    """The commits at which the runs were made."""


class Provenance(NamedTuple):
    """Where the numbers of a section come from."""

    runs: int
    """Number of runs."""
    wall_hours: float
    """Process-hours of all runs."""
    origins: list[Origin]
    """Runs by method, data set and model."""
    commands: list[str]
    """The commands that made the runs in the store, each once."""
    environment: list[tuple[str, str]]
    """Recorded properties of the machines, and their values."""
    methods: list[tuple[str, str]]
    """Methods, and the SHA-256 of their files."""
    partitions: list[tuple[str, str, str]]
    """Partitions in words, their digests and their statistics."""


def provenance(results: Results) -> Provenance:
    """Commands, versions, method files and partitions of the runs, each once."""
    runs = results.runs
    versions = {(key, value) for run in runs for key, value in run.environment.items()}
    keys = sorted({key for key, _ in versions})
    commands = sorted({run.command for run in runs})
    return Provenance(
        runs=len(runs),
        wall_hours=sum(run.wall_seconds / run.seeds_stacked for run in runs) / 3600,
        origins=_origins(results, commands),
        commands=commands,
        environment=[(k, "; ".join(sorted(v for key, v in versions if key == k))) for k in keys],
        methods=sorted({(method_name(r.cell.algorithm), r.source) for r in runs}),
        partitions=sorted({_partition(run) for run in runs}),
    )


def _origins(results: Results, commands: Sequence[str]) -> list[Origin]:
    groups: dict[tuple[str, str, str, bool], list[Made]] = {}
    for made in results.made.values():
        cell = made.cell
        key = cell.data.name, model_name(cell), cell.algorithm, made.is_partial
        groups.setdefault(key, []).append(made)
    return [_origin(results, commands, *key, group) for key, group in groups.items()]


def _origin(
    results: Results,
    commands: Sequence[str],
    dataset: str,
    model: str,
    algorithm: str,
    is_partial: bool,
    group: Sequence[Made],
) -> Origin:
    runs = [run for made in group for run in made.runs.values()]
    seeds = sorted({run.seed for run in runs})
    name, protocol = results.experiment.name, results.protocol.name
    is_own = group[0].cell.model.name == "own"
    is_short = is_partial and results.profile == FULL_SCALE
    profile = SHORT if is_short else results.profile
    words = [
        *("run", name if name in experiment_names() else f"{name}.toml"),
        *("--protocol", protocol if protocol in protocol_names() else f"{protocol}.toml"),
        *(("--profile", profile) if profile != FULL_SCALE else ()),
        *("--dataset", dataset, "--model", f"{model}.py" if is_own else model),
        *("--algorithm", algorithm if algorithm in algorithm_names() else f"{algorithm}.py"),
        *("--seeds", ",".join(map(str, seeds)) + ("," if len(seeds) == 1 else "")),
    ]
    commits = sorted({run.environment.get("commit", "unknown") for run in runs})
    return Origin(
        label=f"{data_label(dataset, model)}, {method_name(algorithm)}",
        seeds=", ".join(map(str, seeds)),
        today=shlex.join(["python", "-m", "benchmark", *words]),
        original=sorted({1 + commands.index(run.command) for run in runs}),
        commits=", ".join(commits),
    )


def _partition(run: Run) -> tuple[str, str, str]:
    data, spec = run.cell.data.name, run.cell.partition
    counts = ", ".join(
        f"{key.replace('_', ' ')} {value:g}"
        if isinstance(value, float)
        else f"{key.replace('_', ' ')} {value}"
        for key, value in run.partition_summary.items()
        if isinstance(value, int | float | str)
    )
    share = f"{100 * spec.train_fraction:g} % for training"
    return f"{DATASETS.get(data, data)}: {spec.label}, {share}", run.partition, counts
