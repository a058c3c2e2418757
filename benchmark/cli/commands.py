"""The command line: python -m benchmark list | run | status | verify | report | compare | …"""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmark.cli.exits import Commands, one_line_errors
from benchmark.cli.options import (
    Algorithms,
    DataRoot,
    Datasets,
    DeviceName,
    Download,
    Experiments,
    Jobs,
    Precision,
    ProfileName,
    Protocols,
    Seeds,
    StoreFolder,
    chosen,
    plugins,
    seeds_of,
)
from benchmark.cli.partition import partition_app
from benchmark.errors import BenchmarkError
from benchmark.places import COMMITTED, RENDERED, RUNS, algorithm_names, experiment_names
from benchmark.spec import experiment_groups, load_experiment

app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
)
app.add_typer(partition_app, name="partition")
console = Console(soft_wrap=True)


@app.command("list")
@one_line_errors
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
    console.print()
    for group, members in experiment_groups().items():
        console.print(f"{group}: {', '.join(members)}")
    console.print(f"algorithms: {', '.join(algorithm_names())}")


@app.command()
@one_line_errors
def run(
    experiments: Experiments,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    algorithm: Algorithms = None,
    dataset: Datasets = None,
    seeds: Seeds = None,
    jobs: Jobs = 0,
    device: DeviceName = "auto",
    precision: Precision = "float32",
    data_root: DataRoot = None,
    download: Download = False,
    store: StoreFolder = RUNS,
    rerun: Annotated[bool, typer.Option(help="Train finished runs again.")] = False,
    checkpoint_every: Annotated[float, typer.Option(help="Seconds; 0: every round.")] = 60.0,
    graphs: Annotated[bool, typer.Option(help="Record rounds on a GPU and replay them.")] = True,
    ray: Annotated[
        str | None, typer.Option(help="A Ray cluster's address, or auto; the store is shared.")
    ] = None,
) -> None:
    """Train what is missing of the experiments, then print a table and write the report."""
    from benchmark.cli.progress import Display
    from benchmark.jobs.data import Source
    from benchmark.jobs.environment import device_of, precision_of
    from benchmark.jobs.job import Settings
    from benchmark.jobs.plan import plan
    from benchmark.jobs.workers import run_all
    from benchmark.store import Store

    where, place = device_of(device), Store(store)
    todo, finished, outdated = [], 0, set()
    if jobs < 0:
        raise BenchmarkError(f"--jobs {jobs}: allowed: 0 (one a core, one on a GPU) or more")
    if not checkpoint_every >= 0:
        raise BenchmarkError(f"--checkpoint-every {checkpoint_every:g}: allowed: 0 or more seconds")
    paths = plugins(algorithm)
    for cell, count in chosen(experiments, profile, protocol, algorithm, dataset):
        wanted = seeds_of(seeds, count)
        planned = plan([cell], wanted, paths, place, stack=where == "cuda", rerun=rerun)
        todo += [job for job in planned.jobs if job not in todo]
        finished += planned.finished
        outdated |= set(planned.outdated)
    if ray and jobs:
        raise BenchmarkError("--ray and --jobs: allowed: one of them")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = jobs or (1 if where == "cuda" else min(cores or 1, max(len(todo), 1)))
    threads = 1 if ray else max(1, (cores or 1) // workers)
    if outdated:
        console.print(f"note: older versions of {', '.join(outdated)} made runs (see --rerun)")
    how = f"on the cluster {ray}" if ray else f"on {where}, {workers} at a time"
    console.print(f"{len(todo)} jobs {how}; {finished} runs are there")
    command = shlex.join(["python", "-m", "benchmark", *sys.argv[1:]])
    source = Source(data_root, download)
    settings = Settings(
        store=place,
        source=source,
        device=where,
        threads=threads,
        command=command,
        checkpoint_every=checkpoint_every,
        rerun=rerun,
        precision=precision_of(precision, where),
        graphs=graphs,
    )
    with Display(console, todo) as display:
        if ray:
            from benchmark.jobs.cluster import run_on_cluster

            run_on_cluster(todo, settings, ray, display.listen)
        else:
            run_all(todo, settings, workers, display.listen)
    _write_report(experiments, store, store / "report", profile, protocol)


@app.command()
@one_line_errors
def reproduce(
    what: Annotated[str, typer.Argument(help="paper: every table and figure of it.")] = "paper",
    profile: ProfileName = "paper",
    jobs: Jobs = 0,
    data_root: DataRoot = None,
    store: StoreFolder = RUNS,
) -> None:
    """From data to report: fetch what is missing, train it, write every table and figure."""
    if what != "paper":
        raise BenchmarkError(f"reproduce {what}: allowed: paper (run takes any experiment)")
    run(
        experiment_groups()["paper"],
        profile,
        jobs=jobs,
        data_root=data_root,
        download=True,
        store=store,
    )


@app.command()
@one_line_errors
def status(
    experiments: Experiments,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    algorithm: Algorithms = None,
    dataset: Datasets = None,
    seeds: Seeds = None,
    store: StoreFolder = RUNS,
) -> None:
    """Show which runs are done, running, interrupted, failed or not begun, and the time left."""
    from benchmark.cli.progress import duration
    from benchmark.store import Store
    from benchmark.store.status import STATES, seconds_left, status_of

    plugins(algorithm)
    cells = chosen(experiments, profile, protocol, algorithm, dataset)
    wanted = {(cell.key, s): (cell, s) for cell, count in cells for s in seeds_of(seeds, count)}
    found = [status_of(cell, seed, Store(store)) for cell, seed in wanted.values()]
    table = Table(box=None)
    for heading in ("run", "seed", "state", "round", ""):
        table.add_column(heading, justify="right" if heading in ("seed", "round") else "left")
    for one in found:
        if one.state not in ("done", "not begun"):
            at = f"{one.rounds}/{one.cell.rounds}"
            table.add_row(one.cell.key, str(one.seed), one.state, at, one.note)
    if table.row_count:
        console.print(table)
    counts = {state: sum(one.state == state for one in found) for state in STATES}
    console.print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    seconds, unknown = seconds_left(found)
    if seconds:
        console.print(f"about {duration(seconds)} left for one process")
    if unknown:
        console.print(f"nothing is known of the time of {unknown} runs")


@app.command()
@one_line_errors
def verify(
    runs: Annotated[list[str], typer.Argument(help="Folders of runs, in the store or anywhere.")],
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds to repeat.")] = 10,
    device: DeviceName = "auto",
    precision: Precision = "float32",
    data_root: DataRoot = None,
    download: Download = False,
    store: Annotated[Path, typer.Option(help="The committed results unless given.")] = COMMITTED,
) -> None:
    """Make stored runs again, and say whether they come out bit for bit; exit code 1 if not."""
    from benchmark.jobs.data import Source
    from benchmark.jobs.environment import device_of, precision_of, prepare_process
    from benchmark.jobs.verification import verify as made_again

    where, same = device_of(device), True
    prepare_process(1, precision_of(precision, where))
    for name in runs:
        places = (Path(name), store / name)
        folder = next((p for p in places if os.path.isfile(p / "run.json")), None)
        if folder is None:
            raise BenchmarkError(f"{name}: no run in this folder, here or in {store}")
        found = made_again(folder, rounds, Source(data_root, download), where)
        outcome = f"first differs at {found.first}" if found.first else "the same bits"
        console.print(f"{name}: {found.evaluations} evaluations, {outcome}")
        for change in found.changes if found.first else ():
            console.print(f"  {change}")
        same &= found.first is None
    if not same:
        raise typer.Exit(1)


@app.command()
@one_line_errors
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
@one_line_errors
def compare(
    experiments: Experiments,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    store: Annotated[Path, typer.Option(help="The committed results unless given.")] = COMMITTED,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare every published cell of the experiments with ours."""
    import reports

    if as_json:
        rows = reports.compare(experiments, store, profile=profile, protocols=protocol)
        print(json.dumps(rows, indent=1, allow_nan=False))
    else:
        results = reports.load_all(experiments, store, profile, protocol)
        console.print(reports.summary_text(results))


def _write_report(
    experiments: list[str], store: Path, out: Path, profile: str, protocol: list[str] | None
) -> None:
    import reports

    results = reports.load_all(experiments, store, profile, protocol)
    written = reports.render(results, out)
    console.print(reports.summary_text(results))
    for path in written:
        console.print(str(path))
    there = {each.experiment.name for each in results}
    if missing := [name for name in experiments if Path(name).stem not in there]:
        console.print(f"nothing to report of: {', '.join(missing)}")
