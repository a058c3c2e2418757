"""The commands ``report`` and ``compare``: pages and numbers from stored results."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import Reported
from benchmark.cli.output import console
from benchmark.cli.stores import compare_stores
from benchmark.places import COMMITTED, RENDERED
from benchmark.spec import Experiment


def report(
    reported: Reported,
    out: Annotated[Path | None, typer.Option(help="Folder to write to.")] = None,
) -> None:
    """Write tables and figures as Markdown, HTML, LaTeX, PNG and SVG from stored results."""
    store = reported.store
    folder = out or pages_of(store, reported.profile)
    how = (reported.profile, reported.protocol, reported.methods)
    write_report(reported.chosen, store, folder, *how)


def pages_of(store: Path, profile: str) -> Path:
    """The folder of a store's pages; profiles other than paper have a folder of their own."""
    pages = RENDERED if store == COMMITTED else store / "report"
    return pages if profile == "paper" else pages / profile


def compare(
    reported: Reported,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare every published number of the experiments with ours; or the runs of two stores."""
    import reports

    folders = [Path(name) for name in reported.experiments]
    if len(folders) == 2 and all(folder.is_dir() for folder in folders):
        compare_stores(*folders)
        return
    experiments = reported.chosen
    how = (reported.store, reported.profile, reported.protocol)
    if as_json:
        rows = reports.compare(experiments, *how)
        typer.echo(json.dumps(rows, indent=1, allow_nan=False))
    else:
        found = reports.load_all(experiments, *how, reported.methods)
        console.print(reports.summary_text(found))


def write_report(
    experiments: Sequence[Experiment],
    store: Path,
    out: Path,
    profile: str,
    protocol: list[str] | None,
    methods: Mapping[str, str],
) -> None:
    """Write the pages of those experiments that have runs, and print where they are."""
    import reports

    results = reports.load_all(experiments, store, profile, protocol, methods)
    written = reports.render(results, out)
    console.print(reports.summary_text(results))
    for path in written:
        console.print(str(path))
    there = {each.experiment.name for each in results}
    if missing := [each.name for each in experiments if each.name not in there]:
        console.print(f"no runs of: {', '.join(missing)}")
