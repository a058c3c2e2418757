"""The command line: python -m benchmark list | run | report | compare | partition show."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmark.errors import BenchmarkError
from benchmark.grid import (
    ALGORITHMS,
    algorithm_names,
    cells,
    experiment_names,
    load_experiment,
    load_protocol,
    profile_of,
)
from benchmark.spec import Cell, results_root
from benchmark.speech import Commands, spoken

RUNS = results_root() / "runs"
COMMITTED = results_root() / "reproduction"
RENDERED = results_root().parent / "reports" / "rendered"

app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
)
partition_app = typer.Typer(no_args_is_help=True, help="Look at how data are shared out.")
app.add_typer(partition_app, name="partition")
console = Console(soft_wrap=True)

Experiments = Annotated[list[str], typer.Argument(help="Names (see list) or paths of TOML files.")]
ProfileName = Annotated[str, typer.Option("--profile", help="smoke, quick or paper.")]
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


@app.command("list")
@spoken
def list_() -> None:
    """Show the experiments, their profiles and protocols, and the methods."""
    table = Table(box=None)
    for heading in ("experiment", "title", "protocols", "profiles"):
        table.add_column(heading)
    for name in experiment_names():
        experiment = load_experiment(name)
        protocols, profiles = ", ".join(experiment.protocols), ", ".join(experiment.profiles)
        table.add_row(name, experiment.title, protocols, profiles)
    console.print(table)
    console.print(f"\nalgorithms: {', '.join(algorithm_names())}")


@app.command()
@spoken
def run(
    experiments: Experiments,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    algorithm: Algorithms = None,
    dataset: Datasets = None,
    seeds: Annotated[str | None, typer.Option(help="How many (5) or which (0,3,4).")] = None,
    jobs: Annotated[int, typer.Option(help="Processes; 0: one a core, one on a GPU.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    data_root: DataRoot = None,
    download: Annotated[bool, typer.Option(help="Fetch missing data sets.")] = False,
    store: Annotated[Path, typer.Option(help="Where runs are kept.")] = RUNS,
    rerun: Annotated[bool, typer.Option(help="Train finished runs again.")] = False,
) -> None:
    """Train what is missing of the experiments, then print a table and write the report."""
    from benchmark.environment import device_of
    from benchmark.execution import Settings, plan, run_all
    from benchmark.preparation import Source
    from benchmark.progress import Display
    from benchmark.store import Store

    where, place = device_of(device), Store(store)
    todo, finished, outdated = [], 0, set()
    if jobs < 0:
        raise BenchmarkError(f"--jobs {jobs}: allowed: 0 (one a core, one on a GPU) or more")
    paths = _plugins(algorithm)
    for cell, count in _chosen(experiments, profile, protocol, algorithm, dataset):
        wanted = _seeds(seeds, count)
        planned = plan([cell], wanted, paths, place, stack=where == "cuda", rerun=rerun)
        todo += [job for job in planned.jobs if job not in todo]
        finished += planned.finished
        outdated |= set(planned.outdated)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = jobs or (1 if where == "cuda" else min(cores or 1, max(len(todo), 1)))
    threads = max(1, (cores or 1) // workers)
    if outdated:
        console.print(f"note: older versions of {', '.join(outdated)} made runs (see --rerun)")
    console.print(f"{len(todo)} jobs on {where}, {workers} at a time; {finished} runs are there")
    command = shlex.join(["python", "-m", "benchmark", *sys.argv[1:]])
    settings = Settings(place, Source(data_root, download), where, threads, command)
    with Display(console, todo) as display:
        run_all(todo, settings, workers, display.listen)
    _write_report(experiments, store, store / "report", profile, protocol)


@app.command()
@spoken
def report(
    experiments: Experiments,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    store: Annotated[Path, typer.Option(help="The committed results unless given.")] = COMMITTED,
    out: Annotated[Path | None, typer.Option(help="Folder to write to.")] = None,
) -> None:
    """Write tables and figures as Markdown, HTML, LaTeX, PNG and SVG from stored results."""
    folder = out or (RENDERED if store == COMMITTED else store / "report")
    _write_report(experiments, store, folder, profile, protocol)


@app.command()
@spoken
def compare(
    experiments: Experiments,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    store: Annotated[Path, typer.Option(help="The committed results unless given.")] = COMMITTED,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare every published cell of the experiments with ours."""
    import reports

    rows = reports.compare(experiments, store, profile=profile, protocols=protocol)
    if as_json:
        print(json.dumps(rows, indent=1, allow_nan=False))
    else:
        console.print(reports.summary_text(experiments, store, profile, protocol))


@partition_app.command()
@spoken
def show(
    experiment: Annotated[str, typer.Argument(help="A name (see list) or a TOML file.")],
    dataset: Datasets = None,
    seed: Annotated[int, typer.Option(help="The run whose partition to show.")] = 0,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    data_root: DataRoot = None,
    download: Annotated[bool, typer.Option(help="Fetch missing data sets.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the heat maps.")] = RUNS / "partitions",
) -> None:
    """Print who holds how many samples of each class, and save it as a heat map."""
    import reports
    from benchmark.preparation import Source, load, partition_of

    shown = set()
    for cell, _ in _chosen([experiment], profile, protocol, None, dataset):
        if (cell.data.name, cell.partition) in shown:
            continue
        shown.add((cell.data.name, cell.partition))
        arrays, _ = load(cell.data, Source(data_root, download))
        partition = partition_of(cell.partition, arrays, seed)
        counts = partition.table(arrays.y, arrays.classes)
        title = f"{arrays.name}, {cell.partition.kind}, {partition.clients} clients"
        table = Table(title=title, box=None, padding=(0, 1, 0, 0))
        for heading in ("client", *map(str, range(arrays.classes)), "train", "test"):
            table.add_column(heading, justify="right", no_wrap=True)
        for client, row in enumerate(counts):
            sizes = len(partition.train[client]), len(partition.test[client])
            table.add_row(str(client), *(str(n) if n else "·" for n in row), *map(str, sizes))
        console.print(table)
        summary = partition.summary(arrays.y, arrays.classes)
        console.print(", ".join(f"{key} {value:g}" for key, value in summary.items()))
        path = out / f"{arrays.name}-{cell.partition.kind}-{partition.digest[:12]}.png"
        reports.partition_heatmap(counts, title, path)
        console.print(f"digest {partition.digest}\nheat map: {path}\n")


def _chosen(
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
        chosen = profile_of(experiment, profile)
        for way in protocol or experiment.protocols[:1]:
            expanded = cells(experiment, load_protocol(way), chosen, names)
            found += [(cell, chosen.seeds) for cell in expanded]
    present = sorted({cell.data.name for cell, _ in found})
    for name in dataset or ():
        if name not in present:
            raise BenchmarkError(f"--dataset {name}: allowed here: {', '.join(present)}")
    if not found:
        raise BenchmarkError(f"--profile {profile}: leaves nothing of {', '.join(experiments)}")
    return [(cell, count) for cell, count in found if not dataset or cell.data.name in dataset]


def _plugins(algorithm: list[str] | None) -> dict[str, str]:
    """The methods given as files, by the name they go by."""
    paths = {Path(name).stem: name for name in algorithm or () if name.endswith(".py")}
    for name, path in paths.items():
        if name in algorithm_names() and Path(path).resolve() != ALGORITHMS / f"{name}.py":
            raise BenchmarkError(f"--algorithm {path}: {name} is a method of this house; rename it")
    return paths


def _seeds(text: str | None, count: int) -> list[int]:
    if text is None:
        return list(range(count))
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or ("," not in text and seeds[0] == 0):
        raise BenchmarkError(f"--seeds {text}: allowed: a number of seeds (5) or a list (0,3,4)")
    return list(dict.fromkeys(seeds)) if "," in text else list(range(seeds[0]))


def _write_report(
    experiments: list[str], store: Path, out: Path, profile: str, protocol: list[str] | None
) -> None:
    import reports

    written = reports.render(experiments, store, out, profile=profile, protocols=protocol)
    console.print(reports.summary_text(experiments, store, profile, protocol))
    for path in written:
        console.print(str(path))


if __name__ == "__main__":
    app()
