"""Record rounds without a GPU: a tape repeats the calls, as a CUDA graph does."""

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import benchmark.engine.cuda_graphs
from benchmark.engine.cohort import Federation
from benchmark.engine.methods import Method, load_method
from benchmark.engine.models import Network
from tests.algorithms.federations import brief, close, federation, initial, trained


class Calls(TorchDispatchMode):
    """A mode that sees every call of an operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own

    def called(self, func: Any, args: Any, kwargs: Any) -> Any:
        """The result of the call; each subclass decides."""
        raise NotImplementedError

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.called(func, args, kwargs or {})


class Tape(Calls):
    """Every call of an operator, its arguments, and where its results lie.

    Played again, it makes the same calls with the same tensors and constants and puts the
    results where they lay. Looking at a value is refused, as it is in a recording on a GPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def called(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("a value is looked at")
        results = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, results))
        return results

    @torch.no_grad()
    def play(self) -> None:
        for func, args, kwargs, places in self.calls:
            results = func(*args, **kwargs)
            for place, value in zip(tree_leaves(places), tree_leaves(results), strict=True):
                if isinstance(place, Tensor) and place is not value:
                    place.copy_(value)


def taped(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """Stands in for ``cuda_graph``."""
    with Tape() as tape:
        results = call()
    return tape.play, results


class Counted:
    """``taped``, with the number of replays."""

    def __init__(self) -> None:
        self.replays = 0

    def __call__(self, call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        play, results = taped(call)

        def counted() -> None:
            self.replays += 1
            play()

        return counted, results


ROUNDS = 7


def check_replays(
    method: Method,
    of: Federation,
    engine: ModuleType = benchmark.engine.cuda_graphs,
    warned: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> int:
    """Replayed rounds equal launched ones; returns the number of replayed rounds."""
    hyper, w, counted = brief(method), initial(of), Counted()
    replayed = replace(method, train_round=engine.Replayed(method.train_round, counted))
    with patch.object(Network, "takes_views", return_value=False):  # as on a GPU
        launched = trained(method, hyper, of, w, ROUNDS)
        with warned():
            close(launched, trained(replayed, hyper, of, w, ROUNDS), atol=1e-12)
    return counted.replays


def check_cohorts_are_renewed(cohort: ModuleType) -> None:
    """Clients, weights and batches of a replayed round are its own."""
    for name, batches in itertools.product(
        ("fedavg", "pfedme"), ("fixed_order", "with_replacement")
    ):
        of = federation("dnn", participation="sampled", batches=batches, engine=cohort)
        check_unwarned(load_method(name), of)
    check_unwarned(load_method("pfedme"), federation("dnn", participation="all", engine=cohort))


def check_unwarned(
    method: Method, of: Federation, engine: ModuleType = benchmark.engine.cuda_graphs
) -> None:
    """The recording stands: nothing is refused."""
    try:
        replays = check_replays(method, of, engine)
    except RuntimeWarning as warning:
        raise AssertionError(str(warning)) from None
    assert replays == ROUNDS - engine.WARM_UP - 1


def check_states_are_renewed(engine: ModuleType) -> None:
    """A replayed round starts from the last one's state."""
    check_unwarned(load_method("pfml"), federation("mlr"), engine)


def check_states_are_left_alone(engine: ModuleType) -> None:
    """A round's state does not change when later rounds are replayed."""
    of, method = federation(), load_method("fedavg")
    hyper = method.resolve(brief(method))
    step = engine.Replayed(method.train_round, taped)
    state, before = method.init(initial(of), of.everyone(0), hyper), []
    for t in range(ROUNDS):
        state = step(state, of.cohort(t), hyper)
        before.append((state.w, state.w.clone()))
    assert all(torch.equal(w, then) for w, then in before)
