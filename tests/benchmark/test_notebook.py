"""The functions for Python: run, load, plot."""

from pathlib import Path
from typing import Any

import pytest

import benchmark
from tests.benchmark.cases import EXPERIMENT, complaint


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return str(path)


def test_an_experiment_is_run_loaded_and_drawn_from_python(tiny: str, tmp_path: Path) -> None:
    heard: list[int] = []
    store = tmp_path / "runs"
    found = benchmark.run(
        tiny, profile="smoke", seeds=[0, 3], store=store, listen=lambda e: heard.append(e.rounds)
    )
    assert {*heard} >= {2}
    scores = found.scores
    assert {*scores["seed"]} == {0, 3}
    assert {*scores["method"]} == {"fedavg", "local"}
    assert scores.shape[1] == 16
    assert scores.loc[scores["score"] == "accuracy", "value"].between(0, 1).all()
    assert {*found.clients["client"]} == {0, 1, 2, 3}
    assert len(found.numbers) == 2
    again = benchmark.load(tiny, profile="smoke", store=store)
    assert again.scores.equals(scores)
    heard.clear()
    benchmark.run(tiny, profile="smoke", seeds=2, algorithms="local", store=store)
    path = benchmark.plot(
        tiny, tmp_path / "a.pdf", series=["FedAvg", "local-only (pm)"], profile="smoke", store=store
    )
    assert path.read_bytes().startswith(b"%PDF")


def test_settings_are_values_by_field(tiny: str, tmp_path: Path) -> None:
    found = benchmark.run(
        tiny,
        profile="smoke",
        algorithms=["fedavg"],
        seeds=1,
        settings={"rounds": 3, "hyper.eta": 0.5},
        store=tmp_path / "runs",
    )
    assert {*found.scores["rounds"]} == {3}
    assert {*found.scores["hyper"]} == {'{"eta": 0.5}'}


def test_what_cannot_be_is_one_line(tiny: str, tmp_path: Path) -> None:
    assert "no experiment" in complaint(lambda: benchmark.load("table9"))
    benchmark.run(tiny, profile="smoke", algorithms="local", store=tmp_path / "runs")
    shared: dict[str, Any] = {"profile": "smoke", "store": tmp_path / "runs"}

    def drawn(name: str, **more: str) -> str:
        return complaint(lambda: benchmark.plot(tiny, tmp_path / name, **shared, **more))

    assert "allowed: a name that ends in pdf" in drawn("a.doc")
    assert "methods or lines: Local-only (PM)" in drawn("a.pdf", series="PFML")
    assert "no matplotlib style" in drawn("a.pdf", style="gone.mplstyle")
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        benchmark.runs  # noqa: B018  reading it is the test
