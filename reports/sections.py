"""What a page says about one experiment under one protocol, ready for any template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmark.spec import Protocol
from reports import (
    across,
    claims,
    costs,
    curves,
    gains,
    local_only,
    other_papers,
    per_client,
    plateau,
    plots,
    ranking,
    readings,
    sweeps,
    tables,
    tuning,
)
from reports.names import REDUCTION_TEXT
from reports.provenance import Provenance, provenance
from reports.results import Results
from reports.settings import signed
from reports.tables import Table


class Picture(NamedTuple):
    """The section's picture; without files for a sweep of several settings, or if all diverged."""

    files: list[Path]
    """One PNG of all panels, then SVGs: of each panel, or of a sweep as a whole."""
    alts: list[str]
    """What each SVG shows."""
    caption: str
    """How to read the picture."""

    @property
    def vectors(self) -> list[tuple[str, str]]:
        """Names of the SVGs with what they show."""
        names = [path.name for path in self.files if path.suffix == ".svg"]
        return list(zip(names, self.alts, strict=True))


class Across(NamedTuple):
    """All methods across the settings of the experiment."""

    findings: list[str]
    """Sentences, the one that matters most first."""
    lines: list[tuple[str, ...]]
    chances: list[tuple[str, ...]]
    """Rows of the table of probabilities."""
    rising: plateau.Rising
    """Which curves have not flattened."""
    gains: list[Path]
    """The picture of gains over training alone."""
    clients: list[Path]
    """The picture of clients' accuracies."""


@dataclass(frozen=True)
class Section:
    """One experiment under one protocol: text and numbers, pictures as files."""

    experiment: str
    """Name of the experiment."""
    title: str
    """Heading of the page."""
    protocol: Protocol
    """The protocol of the runs."""
    table: Table | None
    """None for a figure of the paper."""
    verdicts: dict[str, int]
    """How many published numbers got each verdict."""
    verdict_texts: list[str]
    """The counts of verdicts in words."""
    choices: list[str]
    """The choices of the protocol that were made on these numbers."""
    best_bias: str
    """What taking the best round adds; empty where the protocol does not."""
    clients: list[tuple[str, ...]]
    """Rows of the table client by client."""
    costs: list[tuple[str, ...]]
    """Rows of the table of costs; empty where no run counted them."""
    costs_figures: list[Path]
    """Accuracy against bytes: a PNG of all settings, then an SVG of each."""
    across: Across | None
    """All methods across settings; None where data are dealt in one way."""
    tuning: list[tuning.Tuning]
    """What tuning tried and chose, by data set and model; empty where nothing is tuned."""
    reductions: list[tuple[str, str]]
    """Mean |Δ| under each reduction; empty where nothing is published."""
    claims: list[str]
    """Sentences on PFML against local-only."""
    claims_method: str
    """How the sentences against local-only were tested."""
    paper_claims: list[str]
    """Sentences on what the paper claims."""
    paper_claims_method: str
    """How the paper's claims were tested."""
    others: list[tuple[str, ...]]
    """Rows of numbers that other papers print; empty where there are none."""
    others_note: str
    """Where those numbers come from, and how to read them."""
    picture: Picture
    """Curves, or scores against a swept setting."""
    distances: list[tuple[str, ...]]
    """Rows of text; empty where nothing is published."""
    ranking: list[tuple[str, ...]]
    """Rows of the table of readings; empty where none is shown."""
    ranking_rule: str
    """How readings are ranked."""
    provenance: Provenance
    """Commands, versions and partitions of the runs."""


def section(results: Results, figures: Path) -> Section:
    """Everything a template needs of ``results``; draws its picture into ``figures``."""
    rows, protocol = results.rows, results.protocol
    drawn = [panel for panel in curves.panels(results) if panel.lines]
    is_table = results.experiment.figure is None
    held = claims.findings(results) if is_table else claims.Findings([], [])
    # Most sweeps have too many lines for panels; distances say more.
    is_crowded = any(row.series.swept for row in rows) and not curves.shared_variants(rows)
    panels = [] if is_crowded else drawn
    path = figures / f"{results.experiment.name}-{protocol.name}"
    gaps = tables.reductions(rows)
    tuned = tuning.tuning(results, Path(f"{path}-tuning"))
    return Section(
        experiment=results.experiment.name,
        title=results.experiment.title,
        protocol=protocol,
        table=tables.layout(results) if is_table else None,
        verdicts=tables.verdicts(rows),
        verdict_texts=tables.verdict_texts(rows),
        choices=tables.choices(rows),
        best_bias=tables.best_bias(rows) if is_table else "",
        clients=per_client.lines(results) if is_table else [],
        costs=costs.lines(results) if is_table else [],
        costs_figures=costs.draw(results, Path(f"{path}-costs")) if is_table else [],
        across=_across(results, path, tuned),
        tuning=tuned,
        reductions=[(REDUCTION_TEXT[key], f"{value:.2f}") for key, value in gaps.items()],
        claims=local_only.against_local(results) if is_table and results.has_published else [],
        claims_method=local_only.how_tested(results),
        paper_claims=held.sentences,
        paper_claims_method=held.how_tested,
        others=other_papers.lines(results),
        others_note=other_papers.notes(results),
        picture=_picture(results, panels, drawn, path),
        distances=distance_rows(curves.distances(drawn)),
        ranking=readings.texts(readings.ranked(drawn)) if is_crowded and not is_table else [],
        ranking_rule=readings.RULE,
        provenance=provenance(results),
    )


def _across(results: Results, path: Path, tuned: Sequence[tuning.Tuning]) -> Across | None:
    if not across.is_across(results):
        return None
    found = across.table(results)
    every = across.standings(found)
    findings = ranking.findings(found, every)
    if not findings:
        return None
    rising = plateau.rising(results.main_rows, results.columns)
    limits = [f"{rising.counted} (see below)", *(f"{each.title}: {each.edges}" for each in tuned)]
    return Across(
        findings=[*findings, f"Limits: {'; '.join(limits)}."],
        lines=ranking.lines(found, every),
        chances=ranking.chances(every),
        rising=rising,
        gains=gains.draw_gains(found, every, Path(f"{path}-gains")),
        clients=gains.draw_clients(found, Path(f"{path}-clients")),
    )


def _picture(
    results: Results, panels: Sequence[curves.Panel], drawn: Sequence[curves.Panel], path: Path
) -> Picture:
    """Draws ``panels``, or the scores against the one setting that is swept."""
    name = results.protocol.name
    if symbol := sweeps.swept(results.rows):
        alt = f"{results.experiment.title}: ours and published"
        return Picture(sweeps.draw(results.rows, symbol, path), [alt], sweeps.caption(name))
    words = caption(drawn, results.protocol) if drawn else ""
    if results.experiment.figure is not None:  # there is no table to say it
        words = f"{words} {tables.older_note(results)}".strip()
    alts = [
        f"{panel.title}, {panel.unit}: {', '.join(line.label for line in panel.lines)}"
        for panel in panels
    ]
    return Picture(plots.draw(panels, path) if panels else [], alts if panels else [], words)


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
