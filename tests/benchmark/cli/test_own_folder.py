"""docs/data.md, done as it says, in a folder outside the checkout."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.store import Store
from datasets import Partition

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "data.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


def done(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    np.savez(place / "mine.npz", x=rng.normal(size=(400, 6)) + y[:, None], y=y)
    brief = block("toml").replace("rounds = 20", "rounds = 3").replace("seeds = 2", "seeds = 1")
    (place / "mine.toml").write_text(brief, "utf-8")
    (place / "net.py").write_text(block("python"), "utf-8")
    (place / "lists.json").write_text(block("json"), "utf-8")
    return place


def test_the_guides_experiment_runs_and_is_there_the_second_time(folder: Path) -> None:
    words = ("run", str(folder / "mine.toml"), "--store", str(folder / "runs"), "--jobs", "1")
    assert "8 jobs on cpu" in done(*words)
    assert "0 jobs on cpu" in done(*words)
    runs = [run for _, run in Store(folder / "runs").runs()]
    assert {run.cell.model.called for run in runs} == {"mlr", "net"}
    assert all(run.cell.partition.validates for run in runs)
    assert "mine, net, 5 clients, IID" in (folder / "runs/report/mine.md").read_text("utf-8")


def test_partitions_are_shown_and_written_for_other_tools(folder: Path) -> None:
    mine, out = str(folder / "mine.toml"), folder / "lists"
    assert "validation" in done("partition", "show", mine, "--out", str(folder / "maps"))
    for form in ("json", "npz"):
        done("partition", "export", mine, "--out", str(out), "--format", form)
    digests = {p.name: Partition.load(p).digest for p in out.iterdir()}
    assert len(digests) == 2 * 2  # partitions × formats
    assert len({*digests.values()}) == 2
    assert all(digest[:12] in name for name, digest in digests.items())


def test_the_guides_index_lists_are_a_partition(folder: Path) -> None:
    partition = Partition.load(folder / "lists.json")
    assert [part.tolist() for part in partition.train] == json.loads(block("json"))["train"]
    assert partition.clients == 2
