"""Every method does what its equations say at their limits."""

from collections.abc import Callable

import pytest

from benchmark.engine.methods import Method, load_method
from benchmark.places import algorithm_names
from tests.algorithms import limit_checks as limits
from tests.algorithms.family_limits import FAMILIES
from tests.algorithms.federations import PARTS, close, federation, initial, trained

CASES = [
    ("pfedme", limits.check_large_lambda_pins_theta),
    ("pfedme", limits.check_theta_solves_the_envelope),
    ("pfedme", limits.check_zero_lambda_is_plain_sgd),
    ("pfedme", limits.check_lambda_matters),
    ("pfedme", limits.check_one_inner_step_is_fedavg),
    ("pfedme", limits.check_server_step),
    ("pfedme", limits.check_personal_models_are_their_own),
    ("perfedavg", limits.check_meta_gradient),
    ("pfml", limits.check_large_lambda_pins_theta),
    ("pfml", limits.check_lambda_matters),
    ("pfml", limits.check_server_step),
    ("pfml", limits.check_personal_models_are_their_own),
    ("pfml", limits.check_alone_it_is_fedavg_and_local),
    ("pfml", limits.check_inner_steps_do_not_matter_without_lambda),
    ("pfml", limits.check_agreeing_peers_teach_nothing),
    ("pfml", limits.check_zero_weight_is_no_mutual_term),
]


@pytest.mark.parametrize(("name", "check"), CASES)
def test_limit(name: str, check: Callable[[Method], None]) -> None:
    check(load_method(name))


@pytest.mark.parametrize("name", FAMILIES)
def test_limits_in_which_one_method_is_another(name: str) -> None:
    FAMILIES[name](load_method(name))


@pytest.mark.parametrize("name", algorithm_names())
def test_the_global_model_moves_at_the_defaults(name: str) -> None:
    limits.check_the_global_model_moves(load_method(name))


def test_fedavg_of_one_client_is_local_training() -> None:
    of = federation(parts=PARTS[:1], active=1)
    w = initial(of)
    alone = trained(load_method("local"), {}, of, w)["m"]
    close(trained(load_method("fedavg"), {}, of, w), {"w": alone}, limits.CLOSE)


def test_per_fedavg_with_a_vanishing_adaptation_is_fedavg() -> None:
    of = federation(parts=limits.ONE_BATCH)
    w = initial(of)
    fedavg = trained(load_method("fedavg"), {"eta": 0.1}, of, w)
    for variant in ("first_order", "hessian_free"):
        hyper = {"alpha": 1e-13, "beta": 0.1, "variant": variant}
        ours = trained(load_method("perfedavg"), hyper, of, w)
        close({"w": ours["w"]}, fedavg, 1e-11)


def test_fedavg_has_personal_models_only_when_it_fine_tunes() -> None:
    of = federation()
    w = initial(of)
    assert "personal" not in trained(load_method("fedavg"), {}, of, w)
    tuned = trained(load_method("fedavg"), {"finetune_steps": 1}, of, w)
    assert tuned["personal"].shape == (of.clients, w.shape[1])
