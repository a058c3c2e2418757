"""Ours beside the published: one record for every number of a table."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.spec import Misprint, load_experiment, load_protocol
from reports import statistics
from reports.load import FULL_SCALE, Results, load, published_tables, variant
from reports.names import METHODS, rounds_label

NOT_RUN, PARTIAL, UNPUBLISHED = "not run", "partial", "no published value"
DIVERGED = "diverged"
AXES = ("dataset", "model", "active_clients", "algorithm")
SYMBOLS = ("lam", "beta", "K")


@dataclass(frozen=True)
class Row:
    """One number of a table, in percent, ours beside the paper's; None is "there is none".

    ours_std, ours_low, ours_high (ddof = 1; 95 % Student-t interval) need two seeds.
    difference: ours − paper, None for a run shorter than the paper's. seeds: how many.
    lacking: what is not there of the rounds and seeds that the profile asks for, in words.
    cell: the key of ours in the store. misprint: why the number stands beside cells with another
    number of active clients than its caption says. diverged: which seeds, at which rounds; of such
    a cell there is no mean.
    """

    table: int | None
    dataset: str
    model: str
    active_clients: int | None
    partition: str | None
    algorithm: str
    variant: str
    scores: str
    lam: float | None
    beta: float | None
    K: int | None
    paper_mean: float | None
    paper_std: float | None
    ours_mean: float | None
    ours_std: float | None
    ours_low: float | None
    ours_high: float | None
    difference: float | None
    seeds: int
    rounds: int | None
    full_rounds: int | None
    reduction: str
    protocol: str
    verdict: str
    lacking: str | None
    cell: str | None
    misprint: str | None
    diverged: str | None


def compare(
    experiment_names: Sequence[str],
    store: Path,
    profile: str = FULL_SCALE,
    protocols: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """A JSON-safe record (the fields of Row) for every published number of the experiments.

    Percent; numbers that do not exist are None, never NaN. ``protocols`` defaults to the
    first of each experiment, so that every published number appears once.
    """
    records = []
    for name in experiment_names:
        experiment = load_experiment(name)
        for protocol in protocols or experiment.protocols[:1]:
            results = load(experiment, load_protocol(protocol), profile, store)
            records += [asdict(row) for row in rows(results) if row.paper_mean is not None]
    return records


def rows(results: Results) -> list[Row]:
    """Every published number of the experiment's table in the paper's order, then the rest.

    Not those of a data set with a model that none of its grids has.
    """
    groups = dict(iter(results.scores.groupby(["cell", "scores"], sort=False)))
    there = {pair for grid in results.experiment.grid for pair in product(grid.dataset, grid.model)}
    published = published_tables()
    published = published[published["table"] == results.experiment.table]
    found, used = [], set()
    for printed in published.to_dict("records"):
        if (printed["dataset"], printed["model"]) not in there:
            continue
        scores = str(printed["scores"])
        matches = [(key, scores) for key in matching(printed, results) if (key, scores) in groups]
        used.update(matches[:1])
        found.append(_row(results, printed, groups[matches[0]] if matches else None))
    rest = [_row(results, None, frame) for key, frame in groups.items() if key not in used]
    known = list(METHODS)
    rank = {name: place for place, name in enumerate(known)}
    return found + sorted(rest, key=lambda row: (rank.get(row.algorithm, len(known)), row.scores))


def matching(printed: dict[Any, Any], results: Results) -> list[str]:
    """Keys of the cells that a published number is about.

    Data set, model, active clients and method must agree where the paper states them, and so
    must λ, β and K where the paper states them and the cell sets them; active clients as
    printed, where the experiment takes what is printed for a misprint.
    """
    about = results.scores.drop_duplicates("cell").set_index("cell")
    keys = []
    for key, cell in results.cells.items():
        given = [axis for axis in AXES if not _none(printed[axis])]
        stated = [s for s in SYMBOLS if not _none(printed.get(s)) and s in cell.hyper]
        if key not in about.index:
            continue
        as_printed = dict(about.loc[key, list(AXES)])
        if misprint := _misprint(results, as_printed):
            as_printed["active_clients"] = misprint.printed
        if all(printed[axis] == as_printed[axis] for axis in given) and all(
            float(printed[s]) == float(cell.hyper[s]) for s in stated
        ):
            keys.append(key)
    return keys


def _misprint(results: Results, point: dict[Any, Any]) -> Misprint | None:
    """What the experiment says of published numbers beside cells at this point of its grid."""
    where = {axis: point[axis] for axis in AXES}
    return next((m for m in results.experiment.misprints if m.where.matches(where)), None)


def _row(results: Results, printed: dict[Any, Any] | None, runs: pd.DataFrame | None) -> Row:
    about: dict[Any, Any] = {} if runs is None else dict(runs.iloc[0])
    source = about if printed is None else printed
    cell = results.cells[about["cell"]] if about else None
    hyper = cell.hyper if cell else {}
    symbols = {s: hyper.get(s) if _none(source.get(s)) else source[s] for s in SYMBOLS}
    paper_mean, paper_std = source.get("mean", math.nan), source.get("std", math.nan)
    diverged = None if runs is None else _diverged(runs)
    ours = statistics.summarise(runs["value"]) if runs is not None and not diverged else None
    shorter = bool(about) and about["rounds"] < about["full_rounds"]
    difference = math.nan if ours is None or shorter else ours.mean - paper_mean
    if diverged:
        verdict = DIVERGED
    elif ours is None:
        verdict = NOT_RUN
    elif printed is None:
        verdict = UNPUBLISHED
    elif shorter:
        verdict = PARTIAL
    else:
        half = statistics.half_width(ours.std, ours.n, paper_std)
        verdict = statistics.verdict(difference, half)
    active = about.get("active_clients", source.get("active_clients"))
    misprint = _misprint(results, about) if about and printed is not None else None
    point = str(source["dataset"]), str(source["model"]), _int(active) or 0
    return Row(
        table=results.experiment.table,
        dataset=point[0],
        model=point[1],
        active_clients=_int(active),
        partition=about.get("partition"),
        algorithm=str(source["algorithm"]),
        variant=about["variant"]
        if about
        else variant(
            results.experiment,
            point,
            str(source["algorithm"]),
            {s: v for s, v in symbols.items() if not _none(v)},
        ),
        scores=str(source["scores"]),
        lam=_float(symbols["lam"]),
        beta=_float(symbols["beta"]),
        K=_int(symbols["K"]),
        paper_mean=_float(paper_mean),
        paper_std=_float(paper_std),
        ours_mean=_float(ours and ours.mean),
        ours_std=_float(ours and ours.std),
        ours_low=_float(ours and ours.low),
        ours_high=_float(ours and ours.high),
        difference=_float(difference),
        seeds=0 if runs is None else len(runs),
        rounds=_int(about.get("rounds")),
        full_rounds=_int(about.get("full_rounds")),
        reduction=results.protocol.reduction,
        protocol=results.protocol.name,
        verdict=verdict,
        lacking=_lacking(results, runs),
        cell=about.get("cell"),
        misprint=misprint.why if misprint else None,
        diverged=diverged,
    )


def _diverged(runs: pd.DataFrame) -> str | None:
    lost = runs[runs["diverged"].notna()]
    seeds = [
        f"seed {s} at round {r:.0f}" for s, r in zip(lost["seed"], lost["diverged"], strict=True)
    ]
    return ", ".join(seeds) or None


def _none(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _float(value: Any) -> float | None:
    return None if _none(value) else float(value)


def _int(value: Any) -> int | None:
    return None if _none(value) else int(value)


def _lacking(results: Results, runs: pd.DataFrame | None) -> str | None:
    if runs is None:
        return "no run"
    rounds, full = int(runs["rounds"].iloc[0]), int(runs["full_rounds"].iloc[0])
    there, wanted = len(runs), results.experiment.profiles[results.profile].seeds
    lacks = [rounds_label(rounds, full)] if rounds < full else []
    lacks += [f"{there} of {wanted} seeds"] if there < wanted else []
    return ", ".join(lacks) or None
