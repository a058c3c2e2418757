"""python -m tests.speed.reading: CPU time of commands that only read, over ``import pandas``'s.

Ratios hold on other machines, as both slow down together; so commands and the import take turns.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Annotated

import typer

from benchmark.places import ROOT

IMPORT = ("-c", "import pandas")
COMMANDS = {
    "status table1": ("status", "table1", "--protocol", "as_run"),
    "compare table1 --json": ("compare", "table1", "--json"),
    "report table1": ("report", "table1"),
    "report paper checks": ("report", "paper", "checks"),
    "partition show digits": ("partition", "show", "digits"),
}


def cpu_seconds(words: Sequence[str]) -> float:
    """CPU seconds of a Python process, on all cores. Raises CalledProcessError if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratios(turns: int, commands: Sequence[str]) -> dict[str, float]:
    """The median over turns of each command's CPU time by that of ``import pandas``."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as out:
        for _ in range(turns):
            for name in commands:
                words = list(COMMANDS[name])
                words += ["--out", out] if words[0] == "report" else []
                unit = cpu_seconds(IMPORT)
                found[name].append(cpu_seconds(["-m", "benchmark", *words]) / unit)
    return {name: statistics.median(values) for name, values in found.items()}


def main(
    turns: Annotated[int, typer.Option(min=1, help="The median counts.")] = 3,
    only: Annotated[list[str] | None, typer.Option(help="Only these commands.")] = None,
) -> None:
    """Print how many times as long as ``import pandas`` each command takes."""
    for name, ratio in ratios(turns, only or list(COMMANDS)).items():
        print(f"{name}: {ratio:.1f} × import pandas")


if __name__ == "__main__":
    typer.run(main)
