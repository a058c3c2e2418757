"""pytest tests/speed --benchmark-only: a round of every work unit, three ways, with evaluation; and
a checkpoint of it."""

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.engine.snapshot import Snapshot
from benchmark.jobs.environment import prepare_process
from benchmark.store.checkpoint import Checkpoints
from tests.speed.measure import IDENTITY
from tests.speed.other_loops import Loaders, Plain
from tests.speed.work_units import Engine, Unit, units

WAYS = {"engine": Engine, "plain": Plain, "loaders": Loaders}


@pytest.mark.parametrize("evaluated", [False, True], ids=["training", "and evaluation"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("unit", units(), ids=lambda unit: unit.label)
def test_round(benchmark: BenchmarkFixture, unit: Unit, way: str, evaluated: bool) -> None:
    prepare_process(1)
    made = WAYS[way](unit)

    def one_round() -> None:
        made.train()
        if evaluated:
            made.evaluate()

    benchmark.group = f"{unit.label}{', evaluated' if evaluated else ''}"
    benchmark(one_round)


@pytest.mark.parametrize(
    "unit", [u for u in units() if u.algorithm == "pfml"], ids=lambda u: u.label
)
def test_checkpoint(benchmark: BenchmarkFixture, unit: Unit, tmp_path: Path) -> None:
    prepare_process(1)
    engine = Engine(unit)
    engine.train()
    snapshot = Snapshot(1, 0.0, engine.groups[0].packed())
    benchmark.group = "checkpoint"
    benchmark(Checkpoints(tmp_path, IDENTITY, "").save, snapshot)
