"""Speed is measured on what the engine does: no unit of work is dropped or done twice."""

import os
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.spec import LeNet5, Mlr
from reports.speed.convolutions import section
from tests.speed.convolutions import compared
from tests.speed.leaving import UNEQUAL, useful
from tests.speed.measure import exponent, rounds
from tests.speed.other_loops import Loaders, Plain
from tests.speed.work_units import HYPER, E, Engine, K, Unit, forward_flops, units

LENET = LeNet5(name="lenet5")
TINY = Unit("tiny", "pfml", Mlr(name="mlr"), (5,), (7, 3), (2, 2), True)


@pytest.mark.parametrize("algorithm", HYPER)
def test_the_engine_and_the_plain_loop_do_the_same_round(algorithm: str) -> None:
    unit = replace(TINY, algorithm=algorithm)
    engine, plain = Engine(unit), Plain(unit)
    (turn,) = engine.groups
    turn.state = unit.method.init(plain.w[None], turn.federation.everyone(0), turn.hyper)
    engine.train()
    plain.train()
    personal = turn.personal(0)
    if plain.personal is not None and personal is not None:
        torch.testing.assert_close(personal, plain.personal, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("algorithm", "gradients"), [("fedavg", 1), ("pfedme", K), ("pfml", 2 * K)]
)
def test_flops_of_a_hand_counted_round(algorithm: str, gradients: int) -> None:
    unit = replace(TINY, algorithm=algorithm)
    trained = 10 / 2 if algorithm == "fedavg" else 10
    one_way = 2 * 5 * 10
    assert unit.flops(evaluated=False) == E * gradients * trained * 2 * one_way
    models = 1 if algorithm == "fedavg" else 2
    assert unit.flops(evaluated=True) - unit.flops(evaluated=False) == 14 * models * one_way


def test_flops_of_a_hand_counted_convolution() -> None:
    first, second, dense = 28**2 * 6 * 75, 10**2 * 16 * 150, 400 * 120 + 120 * 84 + 84 * 10
    whole = 2.0 * (first + second + dense)
    assert forward_flops(LENET, (3, 32, 32)) == (whole, 2.0 * first)


def test_convolutions_are_compared_by_both_ways_and_left_as_they_were() -> None:
    pytest.importorskip("numba")
    unit = replace(TINY, model=LENET, shape=(1, 28, 28))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PFL_CONVOLUTIONS", "torch")
        patch.setattr("tests.speed.convolutions.BATCH", 8)
        patch.setattr("tests.speed.convolutions.MODELS", [(LENET, (1, 28, 28))])
        rows = compared(unit, 1, lambda: 1e9)
        assert os.environ["PFL_CONVOLUTIONS"] == "torch"
    kinds = [row["unit"].partition(": ")[2] for row in rows]
    assert kinds == ["gradient of 8", "logits of 8", "train", "evaluate"]
    for row in rows:
        assert min(row["torch"], row["numba"], row["floor"]) > 0
        assert f"| {row['unit']} |" in section(rows)
    assert section([]) == ""


def test_the_fields_loop_trains_and_scores() -> None:
    loop = Loaders(TINY)
    before = [p.clone() for p in loop.server.parameters()]
    loop.train()
    loop.evaluate()
    assert any(not torch.equal(p, q) for p, q in zip(before, loop.server.parameters(), strict=True))


def test_the_units_are_the_papers() -> None:
    assert [len(unit.train_sizes) for unit in units()] == [100] * 3 + [20] * 7
    assert sum(units()[0].test_sizes) == 20_603


def test_a_measurement_holds_every_way_and_the_floor() -> None:
    found = rounds(TINY, 1)
    assert found["floor_both"] > found["floor_train"] > 0
    for way in ("engine", "plain", "loaders"):
        assert found[f"{way}_train"] > 0 < found[f"{way}_evaluate"]


@given(st.floats(0.2, 3), st.floats(0.1, 10))
def test_the_exponent_of_a_power_is_its_power(power: float, scale: float) -> None:
    sizes = [1.0, 10.0, 100.0]
    assert exponent(sizes, [scale * n**power for n in sizes]) == pytest.approx(power)


def test_an_epoch_of_unequal_clients_is_as_long_as_the_longest() -> None:
    assert useful((400, 200, 200), 100) == (4 + 2 + 2) / 12
    assert useful((300, 300), 100) == 1.0
    assert max(UNEQUAL) > 3 * sum(UNEQUAL) / len(UNEQUAL)
