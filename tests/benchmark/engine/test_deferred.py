"""Deferred products change no result, and save the products that they should save."""

from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

import benchmark.engine.deferred
import benchmark.engine.models
from benchmark.engine.methods import load_method
from tests.algorithms import deferred_checks as checks
from tests.algorithms.federations import B, brief, choices, close, federation, initial, trained
from tests.algorithms.parity_checks import check_parity
from tests.algorithms.plain_loops import LOOPS
from tests.algorithms.test_parity import EVERY_CHOICE, SCORED


@pytest.fixture(autouse=True)
def _client_by_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small networks defer products as large ones do."""
    monkeypatch.setattr(benchmark.engine.models, "SMALL", 0)


@pytest.mark.parametrize(("name", "choice"), EVERY_CHOICE + SCORED)
def test_every_combination_of_named_options_equals_the_plain_loop(
    name: str, choice: dict[str, Any]
) -> None:
    check_parity(load_method(name), choice)


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("model", ["mlr", "dnn"])
@pytest.mark.parametrize("seeds", [(1,), (4, 5)])
def test_both_networks_equal_the_plain_loop(name: str, model: str, seeds: tuple[int, ...]) -> None:
    for choice in choices(load_method(name), "scored", "variant", "mutual", "peer"):
        check_parity(load_method(name), choice, federation(model, seeds=seeds))


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("batches", ["shuffled_passes", "with_replacement"])
def test_batches_without_kept_products_give_what_batched_products_give(
    name: str, batches: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, outcomes = load_method(name), []
    for small in (0, 10**6):
        monkeypatch.setattr(benchmark.engine.models, "SMALL", small)
        of = federation("dnn", batches=batches)
        outcomes.append(trained(method, brief(method), of, initial(of)))
    close(outcomes[0], outcomes[1], 1e-12)


@pytest.mark.parametrize(
    "check",
    [
        checks.check_sums,
        checks.check_anything_else_multiplies_out,
        checks.check_outputs_of_models_on_the_way,
        checks.check_a_model_of_another_batch,
    ],
    ids=lambda check: check.__name__.removeprefix("check_"),
)
def test_deferred_rows(check: Any) -> None:
    check(benchmark.engine.deferred)


class Products(TorchFunctionMode):
    """Adds up the floating-point operations of matrix products."""

    def __init__(self) -> None:
        self.flops = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in (torch.mm, torch.addmm, torch.Tensor.addmm_):
            a, b = args[-2:]
            self.flops += 2 * a.shape[0] * a.shape[1] * b.shape[1]
        return func(*args, **kwargs or {})


@pytest.mark.parametrize("K", [1, 2, 5])
def test_a_further_inner_step_costs_no_product_with_the_inputs(K: int) -> None:
    """On one batch, PFML multiplies W·X once for each of its two models and D·Xᵀ once for each of
    the three that it keeps; each of K − 1 further steps only D·(XᵀX)."""
    method, inputs, out = load_method("pfml"), 16, 3
    of = federation("mlr", participation="all")
    hyper = method.resolve({"E": 1, "K": K, "centre": "current"})
    state = method.init(initial(of), of.everyone(0), hyper)
    method.train_round(state, of.cohort(0), hyper)  # keeps the Gram matrices
    with Products() as counted:
        method.train_round(state, of.cohort(0), hyper)
    wide, narrow = 2 * out * inputs * B, 2 * out * B * B
    assert counted.flops == of.clients * (5 * wide + 2 * (K - 1) * narrow)
