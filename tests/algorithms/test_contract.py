"""Every file in algorithms/ keeps the contract; a new one is tested here without an edit."""

import itertools
from collections.abc import Callable

import pytest
import torch

from benchmark.contract.protocol import (
    arrays,
    check_every_client_is_scored,
    check_gradient_evaluations,
    check_methods_are_paired,
    check_no_test_sample_is_read,
    problem,
)
from benchmark.contract.rows import CONTRACT
from benchmark.engine.methods import Method, load_method
from benchmark.places import algorithm_names

NAMES = algorithm_names()
CASES = [
    ("fedavg", {}),
    ("fedavg", {"E": 3, "finetune_steps": 2}),
    ("local", {"E": 4}),
    ("pfedme", {"E": 3, "K": 4}),
    ("pfedme", {"E": 2, "K": 5, "inner_start": "restart"}),
    ("perfedavg", {"E": 3}),
    ("perfedavg", {"E": 3, "variant": "hessian_free"}),
    ("pfml", {"E": 2, "K": 3, "inner_start": "restart"}),
    ("pfml", {"E": 2, "K": 3, "inner_start": "carry"}),
    ("pfml", {"E": 2, "K": 3, "inner_start": "restart", "outer_gradient": "inner"}),
    ("pfml", {"E": 2, "K": 3, "inner_start": "carry", "outer_gradient": "inner"}),
    ("pfml", {"E": 2, "K": 1, "mutual": "none"}),
    ("fedprox", {"E": 3, "momentum": 0.9}),
    ("ditto", {"E": 3}),
    ("fml", {"E": 3}),
    ("apfl", {"E": 3}),
    ("apfl", {"E": 3, "adaptive": True}),
    ("fedper", {"E": 3}),
    ("lgfedavg", {"E": 3}),
    ("fedrep", {"H": 3, "E": 2}),
    ("fedrep", {"H": 0, "E": 2}),
    ("fedbabu", {"E": 3}),
    ("fedrod", {"E": 3}),
    ("fedala", {"E": 3, "A": 2}),
    ("scaffold", {"E": 3}),
    ("fedamp", {"E": 3}),
    ("ifca", {"E": 3, "C": 2, "k": 3}),
    ("feddyn", {"E": 3}),
    ("superfed", {"E": 3}),
]


@pytest.mark.parametrize("check", CONTRACT)
@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str, check: Callable[[Method], None]) -> None:
    check(load_method(name))


@pytest.mark.parametrize("name", NAMES)
def test_no_test_sample_is_read_while_training_or_personalising(name: str) -> None:
    check_no_test_sample_is_read(load_method(name))


@pytest.mark.parametrize("name", NAMES)
def test_scores_cover_every_client(name: str) -> None:
    check_every_client_is_scored(load_method(name))


@pytest.mark.parametrize(("one", "other"), list(itertools.pairwise(NAMES)))
def test_two_methods_see_the_same_model_clients_and_batches(one: str, other: str) -> None:
    check_methods_are_paired(load_method(one), load_method(other))


@pytest.mark.parametrize("name", NAMES)
def test_every_round_takes_the_same_number_of_gradients(name: str) -> None:
    check_gradient_evaluations(load_method(name))


@pytest.mark.parametrize(("name", "hyper"), CASES)
def test_gradient_evaluations_of_a_round(name: str, hyper: dict[str, object]) -> None:
    check_gradient_evaluations(load_method(name), **hyper)


def test_initial_models_are_the_seeds_own_and_the_global_generator_is_left_alone() -> None:
    method, before = load_method("local"), torch.random.get_rng_state()
    w = [problem(method, arrays(), seeds=seeds).w for seeds in ((3,), (8,), (3, 8))]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(torch.cat(w[:2]), w[2])
    assert bool((w[0] != w[1]).all())
