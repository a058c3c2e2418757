"""The report on speed: ratios of one machine as a table, cost against clients and seeds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.names import METHODS
from reports.pictures import save
from reports.speed import convolutions, gpu

HEADINGS = (
    *("work unit", "method", "of the floor", "with evaluation"),
    *("plain loop", "with evaluation", "DataLoader loop", "with evaluation"),
)
WAYS = ("engine", "plain", "loaders")
BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito


def render(measured: Path, out: Path) -> list[Path]:
    """``speed.md`` and ``figures/scaling.png`` and ``.svg`` from the files of ``tests.speed``:
    ``measured``, of a CPU, and gpu.json beside it."""
    found, on_gpu = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (measured, measured.with_name(gpu.MEASURED.name))
    )
    figures = draw_scaling(found, out / "figures" / "scaling")
    page = out / "speed.md"
    page.write_text(_page(found, on_gpu), encoding="utf-8")
    return [page, *figures]


def table(found: dict[str, Any]) -> str:
    """The ratios: the floor's time over ours, and others' time over ours."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|" + "---|" * 2 + "---:|" * 6]
    for row in found["rounds"]:
        both = {way: row[f"{way}_train"] + row[f"{way}_evaluate"] for way in WAYS}
        alone = {way: row[f"{way}_train"] for way in WAYS}
        shares = row["floor_train"] / alone["engine"], row["floor_both"] / both["engine"]
        ratios = [
            times[way] / times["engine"] for way in ("plain", "loaders") for times in (alone, both)
        ]
        lines.append(
            f"| {row['unit']} | {METHODS[row['algorithm']]} | "
            + " | ".join(f"{100 * share:.0f} %" for share in shares)
            + " | "
            + " | ".join(f"{ratio:.1f}×" for ratio in ratios)
            + " |"
        )
    return "\n".join(lines)


def draw_scaling(found: dict[str, Any], path: Path) -> list[Path]:
    """Time and memory of a round against clients, time against seeds, with fitted exponents."""
    figure = Figure(figsize=(10.5, 3.3), layout="constrained")
    time, memory, seeds = figure.subplots(1, 3)
    n = [row["clients"] for row in found["clients"]]
    panels = (
        (time, [row["seconds"] for row in found["clients"]], "seconds per round"),
        (memory, [row["bytes"] / 2**30 for row in found["clients"]], "peak memory (GiB)"),
    )
    for axes, values, label in panels:
        axes.loglog(n, values, "o-", color=BLUE, markersize=4, linewidth=1.4)
        axes.set(xlabel="clients", ylabel=label)
    memory.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    time.set_title(f"time ∝ clients^{client_exponent(found):.2f}", loc="left", fontsize=10)
    memory.set_title("memory of the process", loc="left", fontsize=10)
    _draw_seeds(seeds, found)
    for axes in (time, memory, seeds):
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    return save(figure, path)


def _draw_seeds(axes: Axes, found: dict[str, Any]) -> None:
    """Time against seeds in one program, a line for each work unit, the flattest first."""
    units = seed_rows(found).items()
    ends = sorted(units, key=lambda unit: unit[1][-1]["seconds"] / unit[1][0]["seconds"])
    for colour, shift, (unit, rows) in zip((ORANGE, BLUE), (-12, 12), ends, strict=False):
        x, y = [r["seeds"] for r in rows], [r["seconds"] / rows[0]["seconds"] for r in rows]
        axes.loglog(x, y, "o-", color=colour, markersize=4, linewidth=1.4)
        axes.annotate(
            f"{unit.removesuffix(' pfml')}\n∝ seeds^{_exponent(x, y):.2f}",
            (x[-1], y[-1]),
            (7, shift),  # the two may end in one place
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=8,
        )
        axes.set_xticks(x, [str(value) for value in x])
    axes.set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"])
    axes.set_xlim(0.9, 32)
    axes.set(xlabel="seeds in one program", ylabel="time over that of one seed")
    axes.set_title("replicas", loc="left", fontsize=10)


def client_exponent(found: dict[str, Any]) -> float:
    """The exponent b of time ∝ clients^b, fitted to sizes of at least 100."""
    large = [row for row in found["clients"] if row["clients"] >= 100]
    return _exponent([r["clients"] for r in large], [r["seconds"] for r in large])


def seed_rows(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Times by work unit, one seed first."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in found["seeds"]:
        rows.setdefault(row["unit"], []).append(row)
    return rows


def _seeds_said(found: dict[str, Any], count: int = 5) -> str:
    said = []
    for unit, rows in seed_rows(found).items():
        seconds = {row["seeds"]: row["seconds"] for row in rows}
        ratio = seconds[count] / (count * seconds[1])
        said.append(f"{ratio:.2f} times on {unit.removesuffix(' pfml')}")
    return f"{count} seeds in one program take {' and '.join(said)} what {count} runs take"


def _exponent(sizes: list[float], costs: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def _page(found: dict[str, Any], on_gpu: dict[str, Any]) -> str:
    machine = found["machine"]
    most = found["clients"][-1]
    return (
        "# Speed\n\n"
        f"{note(found)}\n\n{table(found)}\n\n"
        "![Cost against clients and seeds](figures/scaling.png)\n\n"
        f"PFML with MLR of 784 inputs, 40 samples per client: {most['clients']:,} clients take "
        f"{most['bytes'] / 2**30:.1f} GiB, and time grows with their number to the power "
        f"{client_exponent(found):.2f}. {_seeds_said(found)}: on a CPU replicas "
        "train in turn, as its cache holds the batches of one. Two processes of one thread reach "
        f"{found['two_jobs']:.2f} times the throughput of one (MNIST/DNN, PFML).\n\n"
        f"{_checkpoints(found)}\n\n"
        f"{_leaving(found)}"
        f"{_rest(found)}\n\n"
        f"{convolutions.section(found.get('convolutions', []))}"
        f"Made by `python -m tests.speed` with Python {machine['python']}.\n\n"
        f"{gpu.section(on_gpu)}\n"
    )


def _checkpoints(found: dict[str, Any]) -> str:
    said = [
        f"{row['unit'].removesuffix(' pfml')}: {row['bytes'] / 2**20:.1f} MiB in "
        f"{1000 * row['seconds']:.0f} ms, {100 * row['share']:.2f} %"
        for row in found["checkpoints"]
    ]
    return (
        "A checkpoint's size and time, and its share of a run at the default interval: "
        f"{'; '.join(said)}."
    )


def _leaving(found: dict[str, Any]) -> str:
    """How much longer steps take that leave the fast path; empty where it was not measured."""
    said = [
        f"{row['unit']}, {row['reason']}: {row['ratio']:.1f}×" for row in found.get("leaving", [])
    ]
    if not said:
        return ""
    return (
        "A mask of parameters in every step (FedBABU's round over FedAvg's), and steps that only "
        "some clients take (local work in epochs, sizes up to four times their mean; over equally "
        f"many steps of all), make a round longer: {'; '.join(said)}.\n\n"
    )


def _rest(found: dict[str, Any]) -> str:
    """How much faster a program at the floor would be, and where the engine's time goes."""
    limits = []
    for row in found["rounds"]:
        loaders = row["loaders_train"] + row["loaders_evaluate"]
        name = f"{row['unit']} {METHODS[row['algorithm']]}"
        limits.append(f"{name} {loaders / row['floor_both']:.1f}×")
    lines = [
        "## Where the rest of the time goes",
        "",
        "A program at the floor would be this many times faster than the DataLoader loop, with "
        f"evaluation: {', '.join(limits)}.",
        "",
        "Where the engine's time goes on MNIST, by torch's own operators:",
        "",
    ]
    for one in found["profiles"]:
        unit, _, algorithm = one["unit"].rpartition(" ")
        shares = (f"{n.removeprefix('aten::')} {100 * s:.0f} %" for n, s in one["shares"].items())
        lines.append(f"- {unit}, {METHODS[algorithm]}: {', '.join(shares)}")
    return "\n".join(lines)


def note(found: dict[str, Any]) -> str:
    """How to read the table."""
    machine = found["machine"]
    return (
        f"One round, one thread of {machine['device']} ({machine['cores']} cores), torch "
        f"{machine['torch']}. *Of the floor*: the time that a round's necessary floating-point "
        "operations take at the rate of a large matrix product, over ours; K gradients per model "
        "and local step are counted; the engine avoids some of these products, so it can pass "
        "100 %. *Plain loop* and *DataLoader loop*: how many times longer a loop over clients "
        "takes, written plainly, and as usual with one DataLoader per client. Medians of "
        f"{found['rounds'][0]['turns']} turns."
    )
