from collections.abc import Callable
from pathlib import Path

from benchmark.spec import Cell
from reports.local_only import against_local
from tests.reports.conftest import loaded

Fill = Callable[..., Path]
SHARED = """
title = "Both methods at two step sizes"
extends = "table1"
[[grid]]
dataset = ["synthetic"]
model = ["mlr"]
algorithm = ["pfml", "local"]
active_clients = [10]
hyper = { eta = [0.01, 0.02] }
[profiles.paper]
seeds = 2
rounds = 30
"""


def claims(tiny: str, store: Path, profile: str = "paper") -> list[str]:
    return against_local(loaded(tiny, store, profile))


def made(pfml: float, local: float) -> Callable[[Cell, str], float | None]:
    def base(cell: Cell, scores: str) -> float | None:
        return None if scores == "global" else {"pfml": pfml, "local": local}[cell.algorithm]

    return base


def test_below_local_only(tiny: str, fill: Fill) -> None:
    store = fill(tiny, methods=["pfml", "local"], made=made(0.90, 0.95))
    said = claims(tiny, store)
    assert len(said) == 4
    assert said[2].startswith(
        "Synthetic, MLR: our PFML (PM) 92.05 is 5.00 pp below local-only 97.05 (−5.00 pp"
    )
    assert "paired over 2 seeds, adjusted p < 0.0001" in said[2]
    assert "The published 90.74 lies below our local-only's 95 % interval" in said[2]


def test_above_and_equal(tiny: str, fill: Fill) -> None:
    store = fill(tiny, methods=["pfml", "local"], made=made(0.9, 0.85))
    assert all("5.00 pp above local-only" in said for said in claims(tiny, store))
    fill(tiny, methods=["local"], made=made(0.9, 0.9))
    assert all("cannot be told apart" in said for said in claims(tiny, store))


def test_one_seed_is_not_tested(tiny: str, fill: Fill) -> None:
    store = fill(tiny, seeds=[0], methods=["pfml", "local"], made=made(0.9, 0.8))
    said = claims(tiny, store)
    assert all("one common seed, so no test" in sentence for sentence in said)
    assert all("(one seed)" in sentence for sentence in said)


def test_short_runs_are_not_held_against_the_published(tiny: str, fill: Fill) -> None:
    store = fill(tiny, profile="quick", methods=["pfml", "local"], made=made(0.9, 0.8))
    said = claims(tiny, store, "quick")
    assert all("at round 10 of 30" in sentence for sentence in said)
    assert all("it is not compared" in sentence for sentence in said)


def test_runs_of_other_lengths_are_not_compared(tiny: str, fill: Fill) -> None:
    store = fill(tiny, methods=["local"], made=made(0.9, 0.8))
    fill(tiny, profile="short", methods=["pfml"], made=made(0.9, 0.8))
    assert claims(tiny, store) == []


def test_no_local_only_no_sentence(tiny: str, fill: Fill) -> None:
    assert claims(tiny, fill(tiny, methods=["pfml"], made=made(0.9, 0.8))) == []


def test_of_a_shared_sweep_like_is_held_against_like(tmp_path: Path, fill: Fill) -> None:
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(SHARED, encoding="utf-8")

    def base(cell: Cell, scores: str) -> float | None:
        own = {"pfml": 0.6, "local": 0.5}[cell.algorithm] + float(cell.hyper["eta"])
        return None if scores == "global" else own

    store = fill(str(sweep), methods=["pfml", "local"], made=base)
    said = claims(str(sweep), store)
    assert len(said) == 2
    assert all("10.00 pp above local-only" in sentence for sentence in said)
