"""What speed is measured on is what the engine does: no unit of work is dropped or done twice."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.spec import Mlr
from tests.speed.measure import exponent, rounds
from tests.speed.other_loops import Loaders, Plain
from tests.speed.work_units import HYPER, E, Engine, K, Unit, units

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
