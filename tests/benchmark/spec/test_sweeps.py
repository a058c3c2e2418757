"""Axes of a grid beyond its points: settings of a method, and switches of the protocol."""

import pytest

from tests.benchmark.cases import EXPERIMENT, Expand, complaint, rule


@pytest.mark.parametrize("other", ["mood", "kind"])
def test_a_sweep_of_one_grid_does_not_reach_the_next(expand: Expand, other: str) -> None:
    grid = EXPERIMENT[EXPERIMENT.find("[[grid]]") : EXPERIMENT.find("[[rules]]")]
    swept = grid.replace('"fedavg", "local"', '"pfml"') + "hyper.eta = [0.1, 0.2]\n"
    own = EXPERIMENT.replace(grid, swept + grid) + rule(f"hyper = {{ eta = 0.5, {other} = 1 }}")
    assert [c.hyper for c in expand(own)] == [
        {"eta": eta, other: 1} for eta in (0.1, 0.2, 0.5, 0.5)
    ]


def test_a_switch_of_the_protocol_can_be_swept_like_a_setting(expand: Expand) -> None:
    own = EXPERIMENT.replace("[2]\n", '[2]\nswitches.aggregation = ["uniform", "samples"]\n')
    found = expand(own, algorithms=["fedavg"])
    assert [(c.aggregation, c.hyper) for c in found] == [("uniform", {}), ("samples", {})]
    wrong = own.replace("uniform", "by_chance")
    assert "aggregation" in complaint(lambda: expand(wrong))
    unknown = own.replace("switches.aggregation", "switches.rounds")
    assert "switches" in complaint(lambda: expand(unknown))


def test_a_method_that_the_grid_does_not_name_has_one_cell(expand: Expand) -> None:
    own = EXPERIMENT.replace('"fedavg", "local"', '"pfml"')
    own = own.replace("[2]\n", "[2]\nhyper = { lam = [1.0, 2.0], beta = [1.0, 4.0] }\n")
    assert len(expand(own)) == 4
    assert [cell.hyper for cell in expand(own, algorithms=["perfedavg"])] == [{}]
