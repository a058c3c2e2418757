"""python -m reports.speed.gpu STORE...: how fast a GPU is, and how far its scores are off."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.errors import BenchmarkError
from benchmark.places import RESULTS
from benchmark.store import Run, Store, read_table
from reports.names import METHODS, SCORES, data_label, model_name
from reports.statistics import reduce

MEASURED = RESULTS / "speed" / "gpu.json"
REFERENCE = RESULTS / "reproduction"
STACKED = 5
"""Seeds in one program, where there are several."""


def gathered(stores: Sequence[Path], reference: Path = REFERENCE) -> list[dict[str, Any]]:
    """A row for every cell of the stores, over the seeds that the reference has too.

    seconds: of training; those of a program count once for all seeds that it trained. For each
    score, in points of percent: ``mean`` of the best evaluations and that of the reference, and
    the most that a seed's best evaluation (``best_apart``) and any evaluation (``apart``) differ.
    """
    found: dict[tuple[str, bool], dict[str, Any]] = {}
    for store in stores:
        for folder, run in Store(store).runs():
            theirs = Store(reference).find(run.cell, run.seed)
            if theirs is None or theirs.environment["device"].startswith("cuda"):
                continue
            tf32 = run.environment["tf32"] == "True"
            row = found.setdefault((run.cell.key, tf32), _row(run, tf32))
            row["seeds"].append(run.seed)
            row["seconds"] += run.wall_seconds / run.seeds_stacked
            other = Store(reference).folder(run.cell, run.seed)
            _compare(row["scores"], (folder, run), (other, theirs))
    if not found:
        raise BenchmarkError(f"{', '.join(map(str, stores))}: no run that {reference} has too")
    for row in found.values():
        for score in row["scores"].values():
            for name, each in (("mean", "ours"), ("reference", "theirs")):
                values = score.pop(each)
                score[name] = sum(values) / len(values)
    return list(found.values())


def _row(run: Run, tf32: bool) -> dict[str, Any]:
    cell = run.cell
    return {
        "cell": cell.key,
        "dataset": cell.data.name,
        "model": model_name(cell),
        "algorithm": cell.algorithm,
        "rounds": cell.rounds,
        "precision": "tf32" if tf32 else "float32",
        "device": run.environment["device"],
        "seeds": [],
        "seconds": 0.0,
        "scores": {},
    }


def _compare(scores: dict[str, Any], ours: tuple[Path, Run], theirs: tuple[Path, Run]) -> None:
    one, other = (read_table(*run, "history.parquet") for run in (ours, theirs))
    for name in SCORES:
        column = f"{name}_accuracy"
        if column not in one:
            continue
        empty = {"ours": [], "theirs": [], "best_apart": 0.0, "apart": 0.0}
        score = scores.setdefault(name, empty)
        best = [100 * reduce(table[column], "best") for table in (one, other)]
        score["ours"].append(best[0])
        score["theirs"].append(best[1])
        score["best_apart"] = max(score["best_apart"], abs(best[0] - best[1]))
        apart = 100 * float((one[column] - other[column]).abs().max())
        score["apart"] = max(score["apart"], apart)


def section(found: dict[str, Any]) -> str:
    """The part of the page on speed that is about a GPU."""
    machine = found["machine"]
    return (
        "## On a GPU\n\n"
        f"{machine['device']}, torch {machine['torch']}, seeds as replicas in one program. "
        "*Recorded*: how many times faster a round without evaluation is when its kernels are "
        "recorded once and replayed as a CUDA graph than when they are launched one by one (one "
        f"seed). *{STACKED} seeds*: the time of a round of {STACKED} seeds over that of one seed; "
        f"{STACKED} separate runs would take {STACKED}. *TF32*: how many times faster a round of "
        f"{STACKED} seeds is with it. *Of the floor*: as above, for {STACKED} seeds.\n\n"
        f"{ratios(found)}\n\nTable 1 under `as_run`: {runs_said(found['runs'])}\n\n"
        "Made by `python -m tests.speed --gpu`, and from two stores, the second of them made with "
        "`--precision tf32`, by\n"
        "`python -m reports.speed.gpu STORE... --into results/speed/gpu.json`."
    )


def ratios(found: dict[str, Any]) -> str:
    """The table of what is measured on rounds."""
    headings = ("work unit", "method", "recorded", f"{STACKED} seeds", "TF32", "of the floor")
    lines = [f"| {' | '.join(headings)} |", "|---|---" + "|---:" * 4 + "|"]
    by_unit: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    for row in found["rounds"]:
        by_unit.setdefault((row["unit"], row["algorithm"]), {})[row["seeds"]] = row
    for (unit, algorithm), rows in by_unit.items():
        one, many = rows[1], rows[STACKED]
        cells = (
            f"{one['launched'] / one['recorded']:.1f}×",
            f"{many['recorded'] / one['recorded']:.1f}×",
            f"{many['recorded'] / many['tf32']:.1f}×",
            f"{100 * many['floor'] / many['recorded']:.0f} %",
        )
        lines.append(f"| {unit} | {METHODS[algorithm]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def runs_said(runs: Sequence[dict[str, Any]]) -> str:
    """What runs took, how far they are from the CPU's, and what TF32 does to their scores."""
    exact = [row for row in runs if row["precision"] == "float32"]
    rounded = [row for row in runs if row["precision"] == "tf32"]
    said = [_totals(exact)] if exact else []
    if rounded:
        said.append(_precisions(exact, rounded))
    return "\n\n".join(said)


def _totals(rows: Sequence[dict[str, Any]]) -> str:
    runs = sum(len(row["seeds"]) for row in rows)
    return (
        f"{runs} runs of {len(rows)} cells took {sum(row['seconds'] for row in rows):.0f} seconds "
        f"by the store's records. No evaluation is more than {_most(rows, 'apart'):.2f} points "
        "from the CPU's of the same cell, seed and round, no run's best more than "
        f"{_most(rows, 'best_apart'):.3f}."
    )


def _precisions(exact: Sequence[dict[str, Any]], rounded: Sequence[dict[str, Any]]) -> str:
    same = {row["cell"]: row["scores"] for row in exact}
    lines = [
        "Mean over seeds of the best test accuracy, in percent, by the precision of products:",
        "",
        "| cell | score | CPU | GPU, float32 | GPU, TF32 | TF32 − CPU, any evaluation |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in rounded:
        method = METHODS.get(row["algorithm"], row["algorithm"])
        label = f"{data_label(row['dataset'], row['model'])}, {method}"
        for name, score in row["scores"].items():
            there = f"{same[row['cell']][name]['mean']:.3f}" if row["cell"] in same else "–"
            values = f"{score['reference']:.3f} | {there} | {score['mean']:.3f}"
            lines.append(f"| {label} | {SCORES[name]} | {values} | ≤ {score['apart']:.2f} pp |")
    most = _most(rounded, "best_apart")
    return "\n".join([*lines, "", f"TF32 moves no run's best by more than {most:.3f} points here."])


def _most(rows: Sequence[dict[str, Any]], name: str) -> float:
    return max(float(score[name]) for row in rows for score in row["scores"].values())


def main(
    stores: Annotated[list[Path], typer.Argument(help="Folders of runs on a GPU.")],
    into: Annotated[
        Path | None, typer.Option(help="File of tests.speed --gpu to add the runs to.")
    ] = None,
) -> None:
    """Say how far runs on a GPU are from the committed ones, which a CPU made."""
    try:
        runs = gathered(stores)
        print(runs_said(runs))
        if into is not None:
            found = json.loads(into.read_text(encoding="utf-8")) | {"runs": runs}
            into.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    except (BenchmarkError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
