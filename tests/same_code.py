"""Find older files of methods that make the same bits as today's: ``python -m tests.same_code``.

Writes results/same_code.toml. For each file that made committed runs (from the repository's
history), and each combination of named settings among those runs, the older file and today's train
Synthetic with the MLR for four rounds on one thread; one entry per method lists the files whose
scores and losses are all the same bits.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmark.engine.methods import Method, load_method
from benchmark.engine.training import Problem, run
from benchmark.jobs.data import Source, material
from benchmark.jobs.environment import prepare_process
from benchmark.jobs.verification import difference
from benchmark.places import COMMITTED, ROOT, SAME_CODE
from benchmark.spec import Cell
from benchmark.store import Store

ROUNDS = 4
HEAD = """\
# Methods' files that were rewritten without changing a bit of their results. A run by one of
# `sources` (SHA-256 of the file that made it) stands for the method whose code digest is `code`
# (see benchmark/spec/method_code.py). Written by `python -m tests.same_code`, which trains the
# older files beside today's. Without an entry the older runs would be trained again.
"""


def git(*words: str) -> bytes:
    """The output of git; empty if it fails."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False).stdout


def older_files(method: str) -> dict[str, bytes]:
    """Every committed text of a method's file, by its SHA-256."""
    name = f"algorithms/{method}.py"
    commits = git("log", "--format=%H", "--", name).decode().split()
    texts = (git("show", f"{commit}:{name}") for commit in commits)
    return {hashlib.sha256(text).hexdigest(): text for text in texts}


def committed() -> dict[tuple[str, str], list[Cell]]:
    """Short Synthetic cells with the settings of committed runs, by method and file."""
    plain: dict[str, Cell] = {}
    found: dict[tuple[str, str], dict[tuple[object, ...], Cell]] = {}
    for _, record in Store(COMMITTED).runs():
        cell = record.cell
        if (cell.data.name, cell.model.name) == ("synthetic", "mlr"):
            plain.setdefault(cell.algorithm, cell)
        named = tuple(sorted((k, v) for k, v in record.hyper.items() if isinstance(v, str | bool)))
        kind = (named, cell.participation, cell.batches, cell.aggregation)
        found.setdefault((cell.algorithm, record.source), {}).setdefault(kind, cell)
    any_plain = next(iter(plain.values()))
    fields = ("hyper", "participation", "batches", "aggregation")
    return {
        (method, source): [
            plain.get(method, any_plain).model_copy(
                update={
                    "algorithm": method,
                    "rounds": ROUNDS,
                    **{name: getattr(cell, name) for name in fields},
                }
            )
            for cell in cells.values()
        ]
        for (method, source), cells in found.items()
    }


def is_same(cell: Cell, old: Method, new: Method) -> bool:
    """True if both methods make the same bits of a cell."""
    data = material(cell, 0, Source())
    device = torch.device("cpu")
    problem = Problem.of(cell, data.arrays, data.inputs, data.partition, (0,), device)
    histories = [run(cell, method, problem)[0].history for method in (old, new)]
    found = difference(*histories)
    return (found.evaluations, found.first) == (ROUNDS, None)


def verified() -> Iterator[tuple[str, str, list[str]]]:
    """Each method with its code, and the older files that make the same bits."""
    tried = committed()
    with tempfile.TemporaryDirectory() as folder:
        for method in sorted({name for name, _ in tried}):
            new, files, same = load_method(method), older_files(method), []
            for source in sorted(s for name, s in tried if name == method and s != new.source):
                path = Path(folder) / f"{method}_{source[:8]}.py"
                path.write_bytes(files[source])
                old, cells = load_method(str(path)), tried[method, source]
                if all(is_same(cell, old, new) for cell in cells):
                    same.append(source)
                print(method, source, len(cells), source in same, file=sys.stderr)
            yield method, new.code, same


def main() -> None:
    """Write the file."""
    prepare_process(1)
    text = HEAD
    for method, code, sources in verified():
        lines = "".join(f'  "{source}",\n' for source in sources)
        text += f'\n[[same]]\nmethod = "{method}"\ncode = "{code}"\nsources = [\n{lines}]\n'
    SAME_CODE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
