"""Ours beside the published: a row for every number of a table."""

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from benchmark.spec import Cell, Misprint
from reports import equivalence, statistics
from reports.equivalence import REPRODUCED, Gap
from reports.names import method_rank, model_name
from reports.published import fitted, other_numbers, published_tables
from reports.rows import (
    DIVERGED,
    NOT_RUN,
    PARTIAL,
    SYMBOLS,
    TOO_FEW,
    UNPUBLISHED,
    Published,
    Row,
    Runs,
    Symbols,
)
from reports.settings import Series, Setting
from reports.statistics import Summary
from reports.stored import Made, Stored, swept_settings


def rows(stored: Stored) -> list[Row]:
    """Every published number of the experiment's table in the paper's order, then the rest.

    Published numbers of a data set with a model that none of its grids has are left out.
    """
    found, used = [], set()
    for printed in _printed(stored):
        made, cell = _match(printed, stored)
        if made:
            used.add((made.cell.key, printed["scores"]))
        found.append(_row(stored, printed, cell, made, str(printed["scores"])))
    rest = [
        _row(stored, None, made.cell, made, scores)
        for key, made in stored.made.items()
        for scores in made.scores
        if (key, scores) not in used
    ]
    rest.sort(key=lambda row: (*method_rank(row.series.algorithm), row.series.scores))
    return found + rest


def _printed(stored: Stored) -> Iterator[dict[str, Any]]:
    """The published numbers of the experiment's table; what they do not state is None."""
    here = {pair for grid in stored.experiment.grid for pair in product(grid.dataset, grid.model)}
    published = published_tables()
    published = published[published["table"] == stored.experiment.table]
    for printed in published.to_dict("records"):
        if (printed["dataset"], printed["model"]) in here:
            yield {str(key): None if _is_nan(value) else value for key, value in printed.items()}


def _match(printed: Mapping[str, Any], stored: Stored) -> tuple[Made | None, Cell | None]:
    """The first cell with runs that a published number is about, or else a cell without runs."""
    cells = [cell for cell in stored.cells.values() if _is_about(printed, cell, stored)]
    for cell in cells:
        made = stored.made.get(cell.key)
        if made and printed["scores"] in made.scores:
            return made, cell
    return None, cells[0] if cells else None


def _is_about(printed: Mapping[str, Any], cell: Cell, stored: Stored) -> bool:
    """True if data set, model, method and active clients agree where the paper states them.

    So must λ, β and K where the paper states them and the cell sets them. Where the experiment
    calls the printed number of active clients a misprint, that number is compared.
    """
    if (printed["dataset"], printed["algorithm"]) != (cell.data.name, cell.algorithm):
        return False
    if printed["model"] != model_name(cell):
        return False
    misprint = _misprint(stored, cell)
    active = misprint.printed if misprint else cell.active_clients
    if printed["active_clients"] not in (None, active):
        return False
    stated = [s for s in SYMBOLS if printed[s] is not None and s in cell.hyper]
    return all(float(printed[s]) == float(cell.hyper[s]) for s in stated)


def _misprint(stored: Stored, cell: Cell) -> Misprint | None:
    """What the experiment says about published numbers beside this cell."""
    point = {
        "dataset": cell.data.name,
        "model": model_name(cell),
        "active_clients": cell.active_clients,
        "algorithm": cell.algorithm,
    }
    return next((m for m in stored.experiment.misprints if m.where.matches(point)), None)


def _row(
    stored: Stored,
    printed: Mapping[str, Any] | None,
    cell: Cell | None,
    made: Made | None,
    scores: str,
) -> Row:
    published = Published(printed["mean"], printed["std"]) if printed else None
    runs = Runs(made, scores, _diverged(made, scores)) if made else None
    ours = _summary(runs, stored.protocol.reduction)
    symbols = _symbols(printed, made.cell if made else None)
    misprint = _misprint(stored, made.cell) if made and published else None
    alone = _alone(stored, made, scores)
    gap, too = _judged(stored, printed, runs, alone)
    return Row(
        table=stored.experiment.table,
        setting=_setting(stored, printed, made),
        series=_series(stored, printed, made, scores, symbols),
        symbols=symbols,
        published=published,
        runs=runs,
        ours=ours,
        reduction=stored.protocol.reduction,
        protocol=stored.protocol.name,
        verdict=_verdict(published, runs, ours, gap),
        lacking=_lacking(stored, runs),
        misprint=misprint.why if misprint else None,
        cell=cell.key if cell else None,
        fitted=fitted(printed, stored.protocol.name) if printed else (),
        gap=gap,
        too=too,
        alone=alone,
    )


def _summary(runs: Runs | None, reduction: str) -> Summary | None:
    """Ours over seeds; None where nothing was run, or a seed diverged."""
    if runs is None or runs.diverged:
        return None
    return statistics.summarise(runs.values[reduction])


def _alone(stored: Stored, made: Made | None, scores: str) -> Runs | None:
    """Local-only's runs beside these; None for local-only itself, or where there are none.

    A global model stands beside it only in a tuned experiment, for methods that have no other.
    """
    if made is None or made.cell.algorithm == "local":
        return None
    if scores != "personal" and (stored.experiment.tuning is None or "personal" in made.scores):
        return None
    alone = stored.alone(made)
    has_scores = alone is not None and "personal" in alone.scores
    return Runs(alone, "personal", _diverged(alone, "personal")) if alone and has_scores else None


def _judged(
    stored: Stored, printed: Mapping[str, Any] | None, runs: Runs | None, alone: Runs | None
) -> tuple[Gap | None, tuple[str, ...]]:
    """Ours − published, and the other methods whose runs would be called reproduced too."""
    if printed is None or runs is None or runs.is_partial:
        return None, ()
    within = equivalence.margin(printed["mean"], other_numbers(printed))

    def gap_of(other: Runs) -> Gap | None:
        ours = _summary(other, stored.protocol.reduction)
        return equivalence.gap(ours, printed["mean"], printed["std"], within) if ours else None

    others = {made.cell.algorithm: made for made in _beside(stored, runs.made)}
    candidates = {
        name: Runs(made, runs.scores, _diverged(made, runs.scores))
        for name, made in others.items()
        if runs.scores in made.scores and not made.is_partial
    } | ({"local": alone} if alone and not alone.is_partial else {})
    gaps = {name: gap_of(other) for name, other in candidates.items()}
    too = tuple(name for name, each in gaps.items() if each and each.verdict == REPRODUCED)
    return gap_of(runs), too


def _beside(stored: Stored, made: Made) -> list[Made]:
    """The other methods' cells in the same column, of the same swept settings or of none."""
    return [
        other
        for other in stored.made.values()
        if other.cell.algorithm != made.cell.algorithm
        and _point(other.cell) == _point(made.cell)
        and other.cell.partition == made.cell.partition
        and other.swept in ((), made.swept)
    ]


def _setting(stored: Stored, printed: Mapping[str, Any] | None, made: Made | None) -> Setting:
    if made is None:
        assert printed is not None
        active = printed["active_clients"]
        return Setting(
            printed["dataset"], printed["model"], None if active is None else int(active), None
        )
    here = _point(made.cell)
    partitions = {m.cell.partition for m in stored.made.values() if _point(m.cell) == here}
    several = len({p.label for p in partitions}) > 1
    return Setting(*here, made.cell.partition.label if several else None)


def _point(cell: Cell) -> tuple[str, str, int]:
    return cell.data.name, model_name(cell), cell.active_clients


def _series(
    stored: Stored,
    printed: Mapping[str, Any] | None,
    made: Made | None,
    scores: str,
    symbols: Symbols,
) -> Series:
    if made is not None:
        return Series(made.cell.algorithm, scores, made.swept)
    assert printed is not None
    point = printed["dataset"], printed["model"], int(printed["active_clients"] or 0)
    hyper = {name: value for name, value in symbols._asdict().items() if value is not None}
    algorithm = str(printed["algorithm"])
    return Series(algorithm, scores, swept_settings(stored.experiment, point, algorithm, hyper))


def _symbols(printed: Mapping[str, Any] | None, cell: Cell | None) -> Symbols:
    hyper = cell.hyper if cell else {}
    values = {
        name: printed[name] if printed and printed[name] is not None else hyper.get(name)
        for name in SYMBOLS
    }
    lam, beta, count = (values[name] for name in SYMBOLS)
    return Symbols(
        None if lam is None else float(lam),
        None if beta is None else float(beta),
        None if count is None else int(count),
    )


def _verdict(
    published: Published | None, runs: Runs | None, ours: Summary | None, gap: Gap | None
) -> str:
    if runs is not None and runs.diverged:
        return DIVERGED
    if runs is None or ours is None:
        return NOT_RUN
    if published is None:
        return UNPUBLISHED
    if runs.is_partial:
        return PARTIAL
    return gap.verdict if gap else TOO_FEW


def _diverged(made: Made, scores: str) -> str | None:
    lost = {seed: made.runs[seed].diverged for seed in made.scores[scores].index}
    return (
        ", ".join(f"seed {seed} at round {at}" for seed, at in lost.items() if at is not None)
        or None
    )


def _lacking(stored: Stored, runs: Runs | None) -> str | None:
    if runs is None:
        return "no run"
    wanted = stored.experiment.profiles[stored.profile].seeds
    lacks = [runs.length] if runs.is_partial else []
    lacks += [f"{runs.seeds} of {wanted} seeds"] if runs.seeds < wanted else []
    return ", ".join(lacks) or None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
