"""Scores as TensorBoard's events: every run in a folder, every score under a tag."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import benchmark
from benchmark.cli.commands import app
from tests.benchmark.cases import EXPERIMENT

Points = dict[tuple[str, str, int], float]
"""Values by folder, tag and round."""


@pytest.fixture
def scores(tmp_path: Path) -> pd.DataFrame:
    (tmp_path / "tiny.toml").write_text(EXPERIMENT, encoding="utf-8")
    where: dict[str, Any] = {"profile": "smoke", "store": tmp_path / "runs"}
    return benchmark.run(str(tmp_path / "tiny.toml"), seeds=2, **where).scores


def exported(tmp_path: Path, code: int = 0) -> str:
    words = ["export", str(tmp_path / "tiny.toml"), "--profile", "smoke", "--format", "tensorboard"]
    words += ["--store", str(tmp_path / "runs"), "--out", str(tmp_path / "events")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == code, done.output
    return done.output


def wanted(scores: pd.DataFrame) -> Points:
    rows: Iterable[Any] = scores.itertuples()
    return {
        (
            f"{row.protocol}/{row.cell}/seed-{row.seed}",
            f"{row.split}/{row.models} {row.score}",
            int(row.round),
        ): float(row.value)
        for row in rows
    }


def test_every_score_is_a_point(
    scores: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points: Points = {}

    class Writer:
        def __init__(self, folder: str) -> None:
            self.folder = Path(folder).relative_to(tmp_path / "events").as_posix()

        def __enter__(self) -> "Writer":
            return self

        def __exit__(self, *_: object) -> None: ...

        def add_scalar(self, tag: str, value: float, at: int) -> None:
            assert (self.folder, tag, at) not in points
            points[self.folder, tag, at] = value

    package: Any = ModuleType("torch.utils.tensorboard")
    package.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", package)
    assert "4 runs" in exported(tmp_path)
    assert points == wanted(scores)
    assert len(points) == len(scores) > 20


def test_without_the_package_it_is_named_and_nothing_is_written(
    scores: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert exported(tmp_path, code=2).strip().endswith("pip install tensorboard")
    assert not (tmp_path / "events").exists()


def test_tensorboard_reads_the_same_values_back(scores: pd.DataFrame, tmp_path: Path) -> None:
    loaders = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    for _ in range(2):  # an earlier export is replaced
        exported(tmp_path)

    def read() -> Iterator[tuple[tuple[str, str, int], float]]:
        for path in (tmp_path / "events").rglob("events.out.*"):
            folder = path.parent.relative_to(tmp_path / "events").as_posix()
            for event in loaders.EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    yield (folder, value.tag, event.step), value.tensor.float_val[0]

    found = list(read())
    assert len(found) == len(scores)
    assert dict(found) == pytest.approx(wanted(scores), rel=1e-6)
