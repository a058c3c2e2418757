"""Replayed rounds equal the method's rounds, or replaying is given up."""

import itertools
import re
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmark.engine.blocks import Blocks
from benchmark.engine.cohort import Cohort, Federation, Sampling
from benchmark.engine.cuda_graphs import Replayed, cuda_graph
from benchmark.engine.methods import Method, load_method
from benchmark.engine.models import Network
from tests.algorithms.federations import (
    FAST,
    MODULES,
    PARTS,
    B,
    brief,
    close,
    federation,
    initial,
    module,
    plainly,
    samples,
    trained,
)
from tests.algorithms.plain_loops import LOOPS
from tests.algorithms.replay_checks import Calls, check_replays, check_unwarned, taped

METHODS = sorted(LOOPS)
BATCHES = ("fixed_order", "shuffled_passes", "with_replacement")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("model", MODULES)
def test_every_method_and_network_can_be_replayed(name: str, model: str) -> None:
    check_unwarned(load_method(name), federation(model, seeds=(4, 5)))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("batches", "participation"), list(itertools.product(BATCHES, ("all", "sampled")))
)
def test_every_protocol_can_be_replayed(name: str, batches: str, participation: str) -> None:
    check_unwarned(load_method(name), federation(batches=batches, participation=participation))


def warned(words: str) -> AbstractContextManager[Any]:
    return pytest.warns(RuntimeWarning, match=f"kernel by kernel: .*{re.escape(words)}")


def test_a_method_that_counts_on_the_host_is_launched_as_written() -> None:
    method, count = load_method("fedavg"), itertools.count(1)

    def counting(state: Any, cohort: Cohort, hyper: Any) -> Any:
        after = method.train_round(state, cohort, hyper)
        return type(after)(after.w * (1 + 1 / next(count)))

    with warned("another round than its code"):
        replayed = trained(
            replace(method, train_round=Replayed(counting, taped)),
            *(brief(method), federation(), initial(federation()), 3 + 1),
        )
    assert replayed["w"].isfinite().all()


def test_a_method_that_looks_at_values_is_launched_as_written() -> None:
    method = load_method("fedavg")

    def looking(state: Any, cohort: Cohort, hyper: Any) -> Any:
        after = method.train_round(state, cohort, hyper)
        return type(after)(after.w / max(1.0, float(after.w.norm())))

    looked = replace(method, train_round=looking)
    replays = check_replays(looked, federation(), warned=lambda: warned("a value is looked at"))
    assert replays == 0


class Transfers(Calls):
    """Counts copies between host and GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def called(self, func: Any, args: Any, kwargs: Any) -> Any:
        result = func(*args, **kwargs)
        devices = {a.device.type for a in (*args, result) if isinstance(a, torch.Tensor)}
        self.count += len(devices) > 1
        return result


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize("model", FAST)
def test_no_round_waits_for_a_gpu_or_copies_to_it_what_was_drawn_before(
    name: str, batches: str, model: str
) -> None:
    # Fake tensors know their device and have no values: looking at one raises.
    method, network = load_method(name), Network(module(model))
    bare = {part: getattr(method, part).__wrapped__ for part in ("init", "train_round")}
    method = replace(method, **bare)  # what guards them reads the generators' real states
    with FakeTensorMode():
        x, y = samples()
        train = Blocks.of(x, y, PARTS, B, torch.device("cuda"))
        of = Federation(network, train, (1, 2), Sampling(2, "sampled", "samples", batches))
        w = torch.zeros(2, network.parameters, dtype=torch.float64, device="cuda")
        hyper, cohort = method.resolve(brief(method)), of.cohort(0)
        with patch.object(Cohort, "start", return_value=w):  # drawn on the host, once
            state = method.init(w, of.everyone(0), hyper)
        with Transfers() as drawing:
            state = method.train_round(state, cohort, hyper)
        with Transfers() as transfers:
            state = method.train_round(state, cohort, hyper)
        assert {value.device.type for value in state} == {"cuda"}
        drawn = sum(values is not None for values in cohort._drawn.values())
        assert (drawing.count, transfers.count) == (drawn, 0)


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@needs_gpu
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("model", MODULES)
def test_a_gpu_equals_the_plain_loop(name: str, model: str) -> None:
    check_device(load_method(name), model, "cuda")


@pytest.mark.parametrize("name", METHODS)
def test_the_check_of_a_gpu_holds_on_a_cpu(name: str) -> None:
    check_device(load_method(name), "mlr", "cpu")


def check_device(method: Method, model: str, device: str) -> None:
    """Rounds on a device, recorded if it is a GPU, are those of the plain loop on the CPU."""
    here, hyper = federation(model, seeds=(4, 5)), brief(method)
    there, w = federation(model, seeds=(4, 5), device=device), initial(here)
    record = taped if device == "cpu" else cuda_graph
    ours = trained(
        replace(method, train_round=Replayed(method.train_round, record)),
        *(hyper, there, w.to(device), 6),
    )
    theirs = plainly(method, hyper, here, w, 6)
    close(
        {name: value.cpu() for name, value in ours.items()},
        {name: torch.cat([one[name] for one in theirs]) for name in theirs[0]},
    )
