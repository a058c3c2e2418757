"""What a page says of one experiment under one protocol, ready for any template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmark.spec import Protocol
from benchmark.store import Run
from reports import claims, clients, costs, curves, local_only, plots, readings, sweeps, tables
from reports.names import DATASETS, METHODS, REDUCTIONS
from reports.results import Results
from reports.settings import signed
from reports.tables import Table


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
    verdict_texts: list[str]
    choices: list[str]
    best_bias: str
    clients: list[tuple[str, ...]]
    costs: list[tuple[str, ...]]
    costs_figures: list[Path]
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
    rows, protocol = results.rows, results.protocol
    drawn = curves.panels(results)
    is_table = results.experiment.figure is None
    held = claims.findings(results) if is_table else claims.Findings([], [])
    # Of most sweeps there are too many lines for panels; distances say more.
    is_crowded = any(row.series.swept for row in rows) and not curves.shared_variants(rows)
    panels = [] if is_crowded else drawn
    path = figures / f"{results.experiment.name}-{protocol.name}"
    pictures, words = _pictures(results, panels, drawn, path)
    gaps = tables.reductions(rows)
    return Section(
        experiment=results.experiment.name,
        title=results.experiment.title,
        protocol=protocol,
        table=tables.layout(results) if is_table else None,
        verdicts=tables.verdicts(rows),
        verdict_texts=tables.verdict_texts(rows),
        choices=tables.choices(rows),
        best_bias=tables.best_bias(rows) if is_table else "",
        clients=clients.lines(results) if is_table else [],
        costs=costs.lines(results) if is_table else [],
        costs_figures=costs.draw(results, Path(f"{path}-costs")) if is_table else [],
        reductions=[(REDUCTIONS[key], f"{value:.2f}") for key, value in gaps.items()],
        claims=local_only.against_local(results) if is_table else [],
        claims_method=local_only.how_tested(results),
        paper_claims=held.sentences,
        paper_claims_method=held.how_tested,
        panels=panels,
        caption=words,
        figures=pictures,
        distances=distance_rows(curves.distances(drawn)),
        ranking=readings.texts(readings.ranked(drawn)) if is_crowded and not is_table else [],
        ranking_rule=readings.RULE,
        provenance=provenance(results.runs),
    )


def _pictures(
    results: Results, panels: Sequence[curves.Panel], drawn: Sequence[curves.Panel], path: Path
) -> tuple[list[Path], str]:
    """The files of the section's picture, and its caption."""
    name = results.protocol.name
    if symbol := sweeps.swept(results.rows):
        return sweeps.draw(results.rows, symbol, path), sweeps.caption(name)
    words = caption(drawn, results.protocol) if drawn else ""
    return plots.draw(panels, path) if panels else [], words


def caption(panels: Sequence[curves.Panel], protocol: Protocol) -> str:
    """What the lines are, over how many seeds, and how they were smoothed."""
    lines = [line for panel in panels for line in panel.lines]
    seeds = sorted({line.seeds for line in lines})
    count = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    ours = (
        f"Lines: our mean over {count} seeds, band from the smallest to the largest seed."
        if seeds[-1] > 1
        else "Lines: our single seed, so there is no band."
    )
    has_published = any(line.paper for line in lines)
    if has_published:
        ours += " Thin dashed lines: the published curves of the same colour."
    smoothing = _smoothing(max(panel.window for panel in panels), has_published)
    if any(panel.is_partial for panel in panels):
        smoothing += " Runs shorter than the paper's are drawn as far as they go."
    return (
        f"{ours} {smoothing} The first {100 * plots.SETTLED:g} % of the rounds do not set the "
        f"vertical limits. Protocol {protocol.name}."
    )


def _smoothing(window: int, has_published: bool) -> str:
    if window == 1:
        return "Not smoothed."
    text = (
        f"Smoothed by a forward mean over {window} rounds (the value at r is the mean of "
        f"rounds r+1 to r+{window}, the end mirrored)"
    )
    return text + (", as the published curves are." if has_published else ".")


def distance_rows(found: Sequence[curves.Distance]) -> list[tuple[str, ...]]:
    """Panel, series, mean |Δ|, largest Δ with its round, Δ at the last round, and the unit."""
    text: list[tuple[str, ...]] = []
    for d in found:
        percent = d.metric == "test_accuracy"
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
