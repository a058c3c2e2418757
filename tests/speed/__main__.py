"""python -m tests.speed: measure this machine, write results/speed and the report on it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmark.jobs.environment import prepare_process
from benchmark.places import RENDERED, RESULTS
from reports.speed.cpu import render
from reports.speed.gpu import MEASURED as ON_GPU
from tests.speed import gpu as on_gpu
from tests.speed.measure import PARTS, machine

MEASURED = RESULTS / "speed" / "cpu.json"


def main(
    turns: Annotated[int, typer.Option(help="Of each comparison; the median counts.")] = 5,
    most: Annotated[int, typer.Option(help="Clients, at most.")] = 10_000,
    only: Annotated[list[str] | None, typer.Option(help=f"Parts: {', '.join(PARTS)}.")] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = MEASURED,
    pages: Annotated[Path, typer.Option(help="Folder of the report.")] = RENDERED,
    gpu: Annotated[bool, typer.Option(help="Measure a GPU instead: minutes.")] = False,
) -> None:
    """Measure everything, or some parts again: half an hour, with nothing else running."""
    prepare_process(1)
    if gpu:
        found = json.loads(ON_GPU.read_text(encoding="utf-8")) | on_gpu.measured(turns)
        ON_GPU.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(ON_GPU)
        return
    counts = [n for n in (10, 30, 100, 300, 1000, 3000, 10_000) if n <= most]
    found = json.loads(out.read_text(encoding="utf-8")) if only else {}
    found["machine"] = machine()
    out.parent.mkdir(parents=True, exist_ok=True)
    for part in only or PARTS:
        found[part] = PARTS[part](turns, counts)
        print(f"measured: {part}", flush=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for path in [out, *render(out, pages)]:
        print(path)


if __name__ == "__main__":
    typer.run(main)
