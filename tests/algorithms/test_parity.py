"""The stacked engine equals the plain loops, for every setting of every method."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.engine.methods import load_method
from benchmark.engine.models import Network
from tests.algorithms.federations import FAST, MODULES, choices, federation, module
from tests.algorithms.parity_checks import SMALL, check_parity, check_replicas
from tests.algorithms.plain_loops import LOOPS

METHODS = sorted(LOOPS)
EVERY_CHOICE = [
    (name, choice) for name in METHODS for choice in choices(load_method(name), "scored")
]
SCORED = [(name, {"scored": s}) for name, s in [("pfedme", "local"), ("pfml", "auxiliary")]]
PROTOCOLS = [
    ("mlr", "sampled", "uniform", (4, 5), "with_replacement"),
    ("dnn", "sampled", "samples", (4, 5), "shuffled_passes"),
    ("conv", "all", "uniform", (1,), "fixed_order"),
    ("tanh", "all", "samples", (1,), "with_replacement"),
]
"""Every network, way of drawing batches and of taking part, though not every pair of them."""


@pytest.mark.parametrize(("name", "choice"), EVERY_CHOICE + SCORED)
def test_every_combination_of_named_options_equals_the_plain_loop(
    name: str, choice: dict[str, Any]
) -> None:
    check_parity(load_method(name), choice, federation(participation="sampled"))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("model", "participation", "aggregation", "seeds", "batches"), PROTOCOLS)
def test_every_network_and_protocol_equals_the_plain_loop(
    name: str,
    model: str,
    participation: str,
    aggregation: str,
    seeds: tuple[int, ...],
    batches: str,
) -> None:
    how: dict[str, Any] = {
        "participation": participation,
        "aggregation": aggregation,
        "batches": batches,
    }
    check_parity(load_method(name), {}, federation(model, seeds=seeds, **how))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("batches", "participation"),
    [("fixed_order", "all"), ("shuffled_passes", "sampled"), ("with_replacement", "sampled")],
)
def test_each_replica_equals_its_own_run(name: str, batches: str, participation: str) -> None:
    check_replicas(load_method(name), batches, participation)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_numbers_are_used_as_in_the_plain_loop(name: str, data: st.DataObject) -> None:
    method = load_method(name)
    drawn = {
        "eta": st.floats(0.001, 0.1),
        "alpha": st.floats(0.001, 0.1),
        "beta": st.floats(0.01, 2),
        "delta": st.floats(1e-3, 1e-1),
        "lam": st.floats(0, 8),
        "mu": st.floats(0, 0.1),
        "mutual_weight": st.floats(0, 2),
        "E": st.integers(1, 4),
        "K": st.integers(1, 3),
        "finetune_steps": st.integers(0, 3),
        "H": st.integers(0, 3),
        "A": st.integers(1, 3),
        "C": st.integers(1, 3),
        "k": st.integers(1, 3),
        "layers": st.integers(0, 1),
        "momentum": st.floats(0, 0.9),
        "decay": st.floats(0, 0.2),
        "gamma": st.floats(0, 2),
        "eta_w": st.floats(0, 2),
        "eta_g": st.floats(0.5, 2),
        "sigma": st.floats(0.5, 50),
        "xi": st.floats(0, 1),
        "nu": st.floats(0, 2),
        "warm_up": st.integers(0, 2),
        "mixture": st.floats(0, 1),
    }
    if name == "fml":
        drawn["beta"] = st.floats(0, 1)
    hyper = {
        field: data.draw(drawn[field], label=field)
        for field in method.settings({})
        if field in drawn
    }
    choice = data.draw(st.sampled_from(choices(method)), label="choice")
    check_parity(method, hyper | choice)


def test_every_setting_of_every_method_is_varied_above() -> None:
    for name in METHODS:
        method = load_method(name)
        named = set(choices(method)[0])
        assert set(method.settings({})) <= named | set(SMALL)


@pytest.mark.parametrize("model", MODULES)
def test_the_networks_of_these_tests_cover_both_paths(model: str) -> None:
    assert Network(module(model))._perceptron == (model in FAST)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("batches", "participation"), [("fixed_order", "all"), ("shuffled_passes", "sampled")]
)
def test_epochs_of_unequal_clients_equal_the_plain_loop(
    name: str, batches: str, participation: str
) -> None:
    of = federation(
        "dnn", seeds=(4, 5), batches=batches, participation=participation, local_work="epochs"
    )
    check_parity(load_method(name), {}, of, 2)


@pytest.mark.parametrize("name", ["pfedme", "pfml"])
@pytest.mark.parametrize("start", ["carry", "restart"])
def test_inner_iterates_of_clients_that_have_run_out_are_kept(name: str, start: str) -> None:
    check_parity(load_method(name), {"inner_start": start}, federation(local_work="epochs"))
