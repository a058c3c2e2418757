"""The report on speed: ratios of one machine as a table, cost against clients and seeds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reports.names import METHODS
from reports.plots import save

HEADINGS = (
    *("work unit", "method", "of the floor", "with evaluation"),
    *("plain loop", "with evaluation", "DataLoader loop", "with evaluation"),
)
WAYS = ("engine", "plain", "loaders")
BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito


def render(measured: Path, out: Path) -> list[Path]:
    """``speed.md`` and ``figures/scaling.png`` and ``.svg`` from a file of ``tests.speed``."""
    found = json.loads(measured.read_text(encoding="utf-8"))
    figures = draw_scaling(found, out / "figures" / "scaling")
    page = out / "speed.md"
    page.write_text(_page(found), encoding="utf-8")
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
    fig = Figure(figsize=(10.5, 3.3), layout="constrained")
    time, memory, seeds = fig.subplots(1, 3)
    n = [row["clients"] for row in found["clients"]]
    panels = (
        (time, [row["seconds"] for row in found["clients"]], "seconds a round"),
        (memory, [row["bytes"] / 2**30 for row in found["clients"]], "peak memory, GiB"),
    )
    for axes, values, label in panels:
        axes.loglog(n, values, "o-", color=BLUE, markersize=4, linewidth=1.4)
        axes.set(xlabel="clients", ylabel=label)
    large = [row for row in found["clients"] if row["clients"] >= 100]
    power = _exponent([r["clients"] for r in large], [r["seconds"] for r in large])
    time.set_title(f"time ∝ clients^{power:.2f}", loc="left", fontsize=10)
    memory.set_title("memory of the process", loc="left", fontsize=10)
    powers = []
    for colour, unit in zip(
        (BLUE, ORANGE), dict.fromkeys(r["unit"] for r in found["seeds"]), strict=False
    ):
        rows = [r for r in found["seeds"] if r["unit"] == unit]
        one = rows[0]["seconds"]
        x, y = [r["seeds"] for r in rows], [r["seconds"] / one for r in rows]
        seeds.loglog(x, y, "o-", color=colour, markersize=4, linewidth=1.4)
        name = unit.removesuffix(" pfml")
        powers.append(f"{name} {_exponent(x, y):.2f}")
        below = y[-1] == min(
            r["seconds"] / next(q["seconds"] for q in found["seeds"] if q["unit"] == r["unit"])
            for r in found["seeds"]
            if r["seeds"] == x[-1]
        )
        seeds.annotate(
            name,
            (x[-1], y[-1]),
            (-4, -14 if below else 8),
            textcoords="offset points",
            ha="right",
            color=colour,
            fontsize=9,
        )
    seeds.set(xlabel="seeds in one program", ylabel="time over that of one seed")
    seeds.set_title(
        "time ∝ seeds^p, p = " + ", ".join(p.split()[-1] for p in powers), loc="left", fontsize=10
    )
    for axes in (time, memory, seeds):
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    return save(fig, path)


def _exponent(sizes: list[float], costs: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def _page(found: dict[str, Any]) -> str:
    machine = found["machine"]
    most = found["clients"][-1]
    return (
        "# Speed\n\n"
        f"{note(found)}\n\n{table(found)}\n\n"
        "![Cost against clients and seeds](figures/scaling.png)\n\n"
        f"PFML with MLR of 784 inputs, 40 samples a client: {most['clients']:,} clients take "
        f"{most['bytes'] / 2**30:.1f} GiB. Two processes of one thread reach "
        f"{found['two_jobs']:.2f} times the throughput of one (MNIST/DNN, PFML).\n\n"
        f"Made by `python -m tests.speed` with Python {machine['python']}.\n"
    )


def note(found: dict[str, Any]) -> str:
    """How to read the table."""
    machine = found["machine"]
    return (
        f"One round, one thread of {machine['device']} ({machine['cores']} cores), torch "
        f"{machine['torch']}. *Of the floor*: the time that a round's necessary floating-point "
        "operations take at the rate of a large matrix product, over ours. *Plain loop* and "
        "*DataLoader loop*: how many times longer a loop over clients takes, written plainly, and "
        f"as is usual with a DataLoader a client. Medians of {found['rounds'][0]['turns']} turns."
    )
