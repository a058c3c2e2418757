"""Record a round on a GPU as one program, and launch it at once instead of kernel by kernel."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.engine.cohort import Cohort

WARM_UP = 2
"""Rounds before the recording, in which libraries allocate memory and choose algorithms."""
AWAY = 1e-3
"""Largest allowed difference between a replayed round and the same round launched kernel by kernel,
as a share of the round's largest change: it allows rounding, but not other batches or clients."""

Round = Callable[[Any, Cohort, Any], Any]
Record = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]
"""Runs a function once; returns its replay, and its results, which the replay refills."""


def cuda_graph(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """Record the kernels that ``call`` launches; ``call`` must neither wait for the GPU nor copy
    from the host."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = call()
    return graph.replay, results


@dataclass(frozen=True)
class _Recording:
    """A recorded round, and the tensors that it reads and writes."""

    state: Any
    cohort: Cohort
    replay: Callable[[], None]
    result: Any

    def __call__(self, state: Any, cohort: Cohort) -> Any:
        for place, value in zip(self.state, state, strict=True):
            if place is not None:
                place.copy_(value)
        self.cohort.become(cohort)
        self.replay()
        return _copied(self.result)


class Replayed:
    """A method's ``train_round``, recorded after some rounds and replayed from then on.

    A recording repeats addresses and constants, so each replay first copies the state and the
    cohort of its round into the recorded tensors. The first replayed round is also launched kernel
    by kernel. If the two differ (the method counts or draws on the host), or if the method cannot
    be recorded (it reads values), all rounds are launched kernel by kernel, and a warning says why.
    """

    def __init__(self, train_round: Round, record: Record = cuda_graph) -> None:
        self._launch, self._record = train_round, record
        self._rounds = 0
        self._recording: _Recording | None = None
        self._refused = False
        self._hyper: Any = None

    def __call__(self, state: Any, cohort: Cohort, hyper: Any) -> Any:
        """One round; see :mod:`benchmark.algorithm`."""
        if hyper != self._hyper:  # they are constants in a recording
            self._hyper, self._rounds, self._recording = hyper, 0, None
        self._rounds += 1
        if self._recording is not None and self._rounds > WARM_UP + 2:
            return self._recording(state, cohort)
        after = self._launch(state, cohort, hyper)
        if self._refused or self._rounds <= WARM_UP:
            return after
        try:
            if self._recording is None:
                self._recording = self._recorded(state, cohort, hyper)
            elif not _same(state, after, self._recording(state, cohort)):
                self._refuse("its recording gives another round than its code")
        except Exception as error:  # of any kind: the method's, or CUDA's
            self._refuse(" ".join(str(error).split()))
        return after

    def _recorded(self, state: Any, cohort: Cohort, hyper: Any) -> _Recording:
        places = _copied(state)
        replay, result = self._record(lambda: self._launch(places, cohort, hyper))
        return _Recording(places, cohort, replay, result)

    def _refuse(self, reason: str) -> None:
        self._recording, self._refused = None, True
        warnings.warn(
            f"rounds are launched kernel by kernel: {reason}", RuntimeWarning, stacklevel=3
        )


def _copied(state: Any) -> Any:
    return state._make(None if value is None else value.clone() for value in state)


def _same(before: Any, launched: Any, replayed: Any) -> bool:
    return all(
        _near(old, one, other) for old, one, other in zip(before, launched, replayed, strict=True)
    )


def _near(old: Tensor | None, one: Tensor | None, other: Tensor | None) -> bool:
    if old is None or one is None or other is None:
        return one is other
    change = float((one - old).abs().nan_to_num(0.0, 0.0).max())
    return torch.allclose(one, other, rtol=1e-6, atol=AWAY * change, equal_nan=True)
