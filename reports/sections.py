"""What a page says of one experiment under one protocol, ready for any template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmark.spec import Protocol
from benchmark.store import Run
from reports import claims, curves, orderings, plots, ranking, sensitivity, tables
from reports.compare import rows as compared
from reports.load import Results
from reports.names import DATASETS, METHODS, REDUCTIONS
from reports.tables import Table, signed


class Provenance(NamedTuple):
    """Where the numbers come from; pairs are (what, value) as text."""

    runs: int
    wall_hours: float
    commands: list[str]
    environment: list[tuple[str, str]]
    methods: list[tuple[str, str]]
    partitions: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Section:
    """One experiment under one protocol: text and numbers, pictures as files and panels.

    table: None for a figure of the paper. distances: rows of text, empty where nothing is
    published. figures: the PNG and the SVG of the panels or, of a sweep, of the scores against
    the setting swept; none for a sweep of several settings, or if all runs diverged.
    """

    experiment: str
    title: str
    protocol: Protocol
    table: Table | None
    verdicts: dict[str, int]
    reductions: list[tuple[str, str]]
    claims: list[str]
    claims_method: str
    paper_claims: list[str]
    paper_claims_method: str
    panels: list[curves.Panel]
    caption: str
    figures: list[Path]
    distances: list[tuple[str, ...]]
    ranking: list[tuple[str, ...]]
    ranking_rule: str
    provenance: Provenance


def section(results: Results, figures: Path) -> Section:
    """Everything a template needs of ``results``; draws its picture into ``figures``."""
    rows = compared(results)
    drawn = curves.panels(results, rows)
    name, protocol = results.experiment.name, results.protocol
    tabled = results.experiment.figure is None
    # Of most sweeps there are too many lines for panels; distances say more.
    swept = any(row.variant for row in rows) and not curves.shared_variants(rows)
    held = orderings.sentences(results, rows) if tabled else []
    symbol = sensitivity.swept(rows)
    path = figures / f"{name}-{protocol.name}"
    if symbol:
        pictures, words = sensitivity.draw(rows, symbol, path), sensitivity.caption(protocol.name)
    else:
        pictures = plots.draw(drawn, path) if drawn and not swept else []
        words = caption(drawn, protocol) if drawn else ""
    return Section(
        experiment=name,
        title=results.experiment.title,
        protocol=protocol,
        table=tables.layout(results, rows) if tabled else None,
        verdicts=tables.verdicts(rows),
        reductions=[
            (REDUCTIONS[key], f"{value:.2f}")
            for key, value in tables.reductions(results, rows).items()
        ],
        claims=claims.against_local(results, rows) if tabled else [],
        claims_method=claims.method(results),
        paper_claims=held,
        paper_claims_method=orderings.method(held),
        panels=[] if swept else drawn,
        caption=words,
        figures=pictures,
        distances=distance_rows(curves.distances(drawn)),
        ranking=ranking.texts(ranking.ranked(drawn)) if swept and not tabled else [],
        ranking_rule=ranking.RULE,
        provenance=provenance(results.runs),
    )


def caption(panels: Sequence[curves.Panel], protocol: Protocol) -> str:
    """What the lines are, over how many seeds, and how they were smoothed."""
    seeds = sorted({line.seeds for panel in panels for line in panel.lines})
    several = seeds[-1] > 1
    count = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    ours = (
        f"Lines: our mean over {count} seeds, band from the smallest to the largest seed."
        if several
        else "Lines: our single seed, so there is no band."
    )
    if any(line.paper for panel in panels for line in panel.lines):
        ours += " Thin dashed lines: the published curves of the same colour."
    windows = sorted({panel.window for panel in panels})
    if windows == [1]:
        smoothing = "Not smoothed."
    else:
        smoothing = (
            f"Smoothed by a forward mean over {windows[-1]} rounds (the value at r is the mean of "
            f"rounds r+1 to r+{windows[-1]}, the end mirrored)"
        )
        smoothing += ", as the published curves are." if "published" in ours else "."
    if any(panel.partial for panel in panels):
        smoothing += " Runs shorter than the paper's are drawn as far as they go."
    return (
        f"{ours} {smoothing} The first {100 * plots.SETTLED:g} % of the rounds do not set the "
        f"vertical limits. Protocol {protocol.name}."
    )


def distance_rows(found: Sequence[curves.Distance]) -> list[tuple[str, ...]]:
    """Panel, series, mean |Δ|, largest Δ with its round, Δ at the last round, and the unit."""
    text: list[tuple[str, ...]] = []
    for d in found:
        percent = d.unit == curves.UNITS["test_accuracy"]
        mean, largest, end = (
            (f"{d.mean:.2f}", signed(d.largest), signed(d.end))
            if percent
            else (f"{d.mean:.3f}", *(f"{v:+.3f}".replace("-", "−") for v in (d.largest, d.end)))
        )
        unit = "pp" if percent else "nats"
        text.append((d.panel, d.series, mean, f"{largest} at {d.at_round}", end, unit))
    return text


def provenance(runs: Sequence[Run]) -> Provenance:
    """Commands, versions, method files and partitions of the runs, each once."""
    versions = {(key, value) for run in runs for key, value in run.environment.items()}
    keys = sorted({key for key, _ in versions})
    return Provenance(
        runs=len(runs),
        wall_hours=sum(run.wall_seconds / run.seeds_stacked for run in runs) / 3600,
        commands=sorted({run.command for run in runs}),
        environment=[(k, "; ".join(sorted(v for key, v in versions if key == k))) for k in keys],
        methods=sorted({(METHODS.get(a := r.cell.algorithm, a), r.source) for r in runs}),
        partitions=sorted({_partition(run) for run in runs}),
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
    label = (
        f"{DATASETS.get(data, data)}: {spec.label}, {100 * spec.train_fraction:g} % for training"
    )
    return label, run.partition, counts
