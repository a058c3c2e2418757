"""The command ``new``: write a file to start from."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.output import console
from benchmark.errors import BenchmarkError
from benchmark.jobs.request import check_file_name

STARTERS = Path(__file__).parent / "starters"
SUFFIXES = {"method": ".py", "model": ".py", "experiment": ".toml"}
NEXT = {
    "method": "python -m benchmark run digits --profile smoke --algorithm {path}",
    "model": "python -m benchmark run digits --profile smoke --model {path}",
    "experiment": "python -m benchmark run {path} --profile smoke",
}


def new(
    kind: Annotated[str, typer.Argument(help="What to write: method, model or experiment.")],
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, underscores.")],
    folder: Annotated[Path, typer.Option(help="Where to write the file.")] = Path(),
) -> None:
    """Write a commented starting file, which runs as it is."""
    if kind not in SUFFIXES:
        raise BenchmarkError(f"new {kind}: allowed: {', '.join(SUFFIXES)}")
    path = folder / f"{name}{SUFFIXES[kind]}"
    check_file_name(str(path))
    text = (STARTERS / f"{kind}.txt").read_text(encoding="utf-8").replace("NAME", name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise BenchmarkError(f"{path}: the file exists; choose another name") from None
    console.print(f"{path}; try it: {NEXT[kind].format(path=path)}")
