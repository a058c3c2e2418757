"""One folder outside the checkout: own data, model, partition, method, protocol and experiment."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import benchmark
from benchmark.cli.commands import app
from benchmark.errors import Interrupted
from benchmark.jobs import workers
from benchmark.jobs.stop import Stop
from benchmark.store import Store
from datasets import Partition
from tests.benchmark.cases import MINE, ROOT

GUIDE = (ROOT / "docs" / "own-data-and-model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# file: (\S+)\n")
WAY = 'extends = "as_described"\ndescription = "A way of my own"\n'
CHOSEN: dict[str, Any] = {
    "profile": "smoke",
    "models": ["net.py", "mlr"],
    "algorithms": ["steps.py", "local"],
}
WORDS = ("--profile", "smoke", "--model", "net.py", "--algorithm", "steps.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the guide on own data, a protocol and a method beside them."""
    place = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        names: dict[str, object] = {}
        for language, text in BLOCKS:
            if named := FILE.match(text):
                Path(named[1]).write_text(text, "utf-8")
            elif language == "python":
                exec(compile(text, "the guide", "exec"), names)
    brief = (place / "mine.toml").read_text("utf-8")
    assert brief.count('["as_described"]') == 1
    brief = brief.replace('["as_described"]', '["way.toml"]').replace("seeds = 2", "seeds = 1")
    (place / "mine.toml").write_text(brief, "utf-8")
    (place / "way.toml").write_text(WAY, "utf-8")
    (place / "steps.py").write_text(MINE, "utf-8")
    return place


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def done(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result.output


def stop_after(rounds: int, patch: pytest.MonkeyPatch) -> None:
    """Let the next command, or call, be asked to stop after so many rounds."""

    class Soon(Stop):
        def __init__(self, seconds: float | None = None) -> None:
            super().__init__(seconds)
            self.left = rounds

        def __call__(self) -> bool:
            self.left -= 1
            return self.left < 0

    patch.setattr(workers, "Stop", Soon)


def test_everything_of_ones_own_gives_a_page_through_interruptions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = ("--store", "runs", "--jobs", "1", "--keep-models")
    command = ("run", "mine.toml", *WORDS, "--model", "mlr", "--algorithm", "local", *how)
    with monkeypatch.context() as patch:
        stop_after(4, patch)
        assert "the same command goes on" in done(*command, code=130)
    assert "goes on after round" in done(*command)
    assert "0 jobs on cpu" in done(*command)
    page = (folder / "runs/report/smoke/mine.md").read_text("utf-8")
    assert "A way of my own" in page
    assert {"net", "mlr"} == {run.cell.model.called for _, run in Store(Path("runs")).runs()}
    for words in ("mine, net", "steps (GM)", "Local-only (PM)", "--model net.py"):
        assert words in page

    with monkeypatch.context() as patch:
        stop_after(2, patch)
        with pytest.raises(Interrupted, match="round 2 of 3 is saved"):
            benchmark.run("mine.toml", **CHOSEN, store="python")
    found = benchmark.run("mine.toml", **CHOSEN, store="python")
    assert {*found.scores["method"]} == {"steps", "local"}
    assert {*found.scores["model"]} == {"net", "mlr"}
    assert "4 runs in both, 4 of them with the same bits" in done("compare", "runs", "python")


def test_what_is_there_is_read_again_by_every_command(folder: Path) -> None:
    done("run", "mine.toml", *WORDS, "--store", "read", "--jobs", "1", "--keep-models")
    ((place, run),) = Store(Path("read")).runs()
    read = ("--store", "read")
    assert "steps (GM)" in done("compare", "mine.toml", *WORDS, *read)
    assert "mine.md" in done("report", "mine.toml", *WORDS, *read, "--out", "pages")
    done("export", "mine.toml", *WORDS, *read, "--format", "parquet", "--out", "tables")
    numbers = pd.read_parquet("tables/numbers.parquet")
    assert f"{numbers['ours_mean'].iloc[0]:.2f}" in Path("pages/mine.md").read_text("utf-8")
    shown = done("show", run.cell.key, *read)
    assert f"{folder}/net.py" in shown
    assert f"verify {run.cell.key}/seed-0 --store read" in shown
    assert "the same bits" in done(
        "verify", f"{run.cell.key}/seed-0", *read, "--algorithm", "steps.py"
    )
    assert run.cell.key in done("models", *read)
    with np.load("mine.npz") as data:
        inputs = data["x"].shape[1]
    module = benchmark.load_model("mine-net-steps", store="read")
    assert next(module.parameters()).shape == (16, inputs)
    assert place.is_dir()


def test_partitions_are_shown_and_written_for_other_tools(folder: Path) -> None:
    assert "digest" in done("partition", "show", "mine.toml", "--out", "maps")
    for form in ("json", "npz"):
        done("partition", "export", "mine.toml", "--out", "lists", "--format", form)
    files = sorted(Path("lists").iterdir())
    assert [path.suffix for path in files] == [".json", ".npz"]
    (digest,) = {Partition.load(path).digest for path in (*files, Path("split.json"))}
    assert all(digest[:12] in path.name for path in files)


def test_the_guides_index_lists_are_a_partition(folder: Path) -> None:
    (text,) = [text for language, text in BLOCKS if language == "json"]
    Path("brief.json").write_text(text, "utf-8")
    assert Partition.load(Path("brief.json")).clients == 2


def test_a_protocol_that_is_not_there_is_named(folder: Path) -> None:
    brief = Path("mine.toml").read_text("utf-8")
    Path("gone.toml").write_text(brief.replace("way.toml", "nowhere.toml"), "utf-8")
    shown = done("run", "gone.toml", "--profile", "smoke", code=2)
    assert f"protocols.0: no protocol '{folder}/nowhere.toml'" in " ".join(shown.split())
