"""Checks of a method's calls to its cohort, and of what the round loop gives it and scores."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

import benchmark.engine.training
from benchmark.algorithm import Batch
from benchmark.contract.federations import (
    CLASSES,
    SHAPE,
    Outcome,
    brief,
    close,
    federation,
    initial,
)
from benchmark.engine.cohort import Cohort
from benchmark.engine.methods import Method
from benchmark.engine.models import Backward, Inputs, Network
from benchmark.spec import Cell
from benchmark.spec.validation import parse
from datasets import Arrays, Partition

EVALUATIONS: dict[str, Callable[[Any], int]] = {
    "fedavg": lambda h: h.E,
    "local": lambda h: h.E,
    "pfedme": lambda h: h.E * h.K,
    "perfedavg": lambda h: h.E * (2 if h.variant == "first_order" else 4),
    "pfml": lambda h: (
        2 * (h.E * h.K + (h.E - 1) * (h.inner_start == "carry" and h.outer_gradient == "outer"))
    ),
    **dict.fromkeys(
        ("fedprox", "fedper", "lgfedavg", "fedbabu", "feddyn", "fedamp", "ifca"),
        lambda h: h.E,
    ),
    **dict.fromkeys(("ditto", "fml", "apfl", "fedrod"), lambda h: 2 * h.E),
    "superfed": lambda h: h.E,
    "scaffold": lambda h: h.E * (1 + (h.option == "I")),
    "fedrep": lambda h: h.H + h.E,
    "fedala": lambda h: h.A + h.E,
}
"""Gradients per client and round. PFML takes outer gradients of its own only where they are not
inner ones. A method that is not named here only needs the same number in every round."""

TRAIN = [np.arange(0, 9), np.arange(9, 13), np.arange(13, 20)]
TEST = [np.arange(20, 23), np.arange(23, 29), np.arange(29, 31)]


class Counting(Network):
    """A network that notes for how many rows each gradient was taken."""

    taken: tuple[int, ...] = ()

    def linearise(self, rows: Tensor, x: Inputs) -> tuple[Tensor, Backward]:
        """Logits, and the map back from their gradient, which notes that it was used."""
        logits, backward = super().linearise(rows, x)

        def counted(at_logits: Tensor) -> Tensor:
            self.taken = (*self.taken, len(rows))
            return backward(at_logits)

        return logits, counted


def check_gradient_evaluations(method: Method, **hyper: Any) -> None:
    """Each round takes the algorithm's number of gradients, each of all clients at once."""
    of = federation()
    network = Counting(of.network.module)
    of, settings = replace(of, network=network), method.resolve(hyper)
    state = method.init(initial(of), of.everyone(0), settings)
    counts = []
    for t in range(3):
        network.taken = ()
        state = method.train_round(state, of.cohort(t), settings)
        assert set(network.taken) == {of.clients}
        counts.append(len(network.taken))
    expected = EVALUATIONS.get(method.name, lambda _: counts[0])
    assert counts == [expected(settings)] * 3


def cell(method: Method) -> Cell:
    """Three clients, of whom two are sampled."""
    return parse(
        Cell,
        {
            "data": {"name": "made_up"},
            "partition": {"kind": "iid", "clients": len(TRAIN), "train_fraction": 0.5},
            "model": {"name": "dnn", "hidden": 4},
            "algorithm": method.name,
            "hyper": brief(method),
            "rounds": 3,
            "active_clients": 2,
            "batch_size": 4,
            "participation": "sampled",
            "aggregation": "samples",
            "batches": "with_replacement",
            "global_scored": "after",
        },
        "test",
    )


def arrays(poisoned: Sequence[np.ndarray] = ()) -> Arrays:
    """Made-up samples; those poisoned have a useless input and another label."""
    rng = np.random.default_rng(5)
    n = sum(len(part) for part in TRAIN + TEST)
    x, y = rng.normal(size=(n, *SHAPE)), rng.integers(0, CLASSES, n)
    for part in poisoned:
        x[part], y[part] = 1e6, (y[part] + 1) % CLASSES
    return Arrays("made_up", x, y, CLASSES)


def problem(
    method: Method,
    made_up: Arrays,
    engine: ModuleType = benchmark.engine.training,
    seeds: tuple[int, ...] = (3,),
) -> Any:
    """A cell's federation, laid out by the engine."""
    partition, device = Partition(tuple(TRAIN), tuple(TEST)), torch.device("cpu")
    return engine.Problem.of(cell(method), made_up, made_up.x, partition, seeds, device)


class Log:
    """A log of what a method sees and does in a run."""

    def __init__(self, method: Method, made_up: Arrays, engine: ModuleType) -> None:
        self.states: list[Outcome] = []
        self.personal: list[Tensor] = []
        self.batches: dict[tuple[int, int], list[Batch]] = {}
        self.problem = problem(method, made_up, engine)
        results = engine.run(cell(method), self._logged(method), self.problem)
        self.history: pd.DataFrame = results[0].history
        self.clients: pd.DataFrame = results[0].clients

    def _logged(self, method: Method) -> Method:
        def train_round(state: Any, cohort: Any, hyper: Any) -> Any:
            logged = _LoggedBatches(cohort, len(self.states), self.batches)
            new = method.train_round(state, logged, hyper)
            self.states.append(new._asdict())
            return new

        def personal_models(state: Any, everyone: Any, hyper: Any) -> Any:
            table = method.personal_models(state, everyone, hyper)
            self.personal += [] if table is None else [table]
            return table

        return replace(method, train_round=train_round, personal_models=personal_models)


class _LoggedBatches:
    """A cohort that notes the batches it hands out, by round and by how many were asked for."""

    def __init__(
        self, cohort: Cohort, round_: int, log: dict[tuple[int, int], list[Batch]]
    ) -> None:
        self._cohort, self._round, self._log = cohort, round_, log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cohort, name)

    def batches(self, steps: int) -> Any:
        (phase,) = self.phases(steps)
        return phase

    def phases(self, *steps: int) -> Any:
        seen = self._log.setdefault((self._round, sum(steps)), [])
        return tuple(self._seen(phase, seen) for phase in self._cohort.phases(*steps))

    def _seen(self, phase: Any, seen: list[Batch]) -> Any:
        for batch in phase:
            seen.append(batch)
            yield batch


def check_no_test_sample_is_read(
    method: Method, engine: ModuleType = benchmark.engine.training
) -> None:
    """Unusable test samples do not change a bit of training or personalisation."""
    clean, poisoned = (Log(method, arrays(bad), engine) for bad in ((), TEST))
    for ours, theirs in zip(clean.states, poisoned.states, strict=True):
        close(ours, theirs, 0)
    for table, other in zip(clean.personal, poisoned.personal, strict=True):
        close({"personal": table}, {"personal": other}, 0)


def check_methods_are_paired(
    one: Method, other: Method, engine: ModuleType = benchmark.engine.training
) -> None:
    """Two methods start from the same models and get the same clients and batches."""
    logs = [Log(method, arrays(), engine) for method in (one, other)]
    assert torch.equal(logs[0].problem.w, logs[1].problem.w)
    for t in range(3):
        firsts, seconds = (
            [batch for (round_, _), seen in log.batches.items() if round_ == t for batch in seen]
            for log in logs
        )
        assert firsts
        assert seconds
        for ours, theirs in zip(firsts, seconds, strict=False):
            for field in ("x", "y", "mask"):
                assert torch.equal(getattr(ours, field), getattr(theirs, field))


def check_every_client_is_scored(
    method: Method, engine: ModuleType = benchmark.engine.training
) -> None:
    """Scores cover all clients, sampled or not, each on its own test set, weighted by its size."""
    made_up = arrays()
    log = Log(method, made_up, engine)
    network, state = log.problem.federation.network, log.states[-1]
    assert list(log.clients["test_size"]) == [len(part) for part in TEST]
    scored = {"global": state.get("w"), "personal": next(iter(log.personal[-1:]), None)}
    for which, models in scored.items():
        if models is None:
            assert f"{which}_accuracy" not in log.history
            continue
        hits, losses = [], []
        for i, part in enumerate(TEST):
            row, x = models[i if which == "personal" else 0], torch.from_numpy(made_up.x[part])
            logits = network.apply(row[None], x[None])[0]
            y = torch.from_numpy(made_up.y[part])
            hits.append((logits.argmax(1) == y).numpy())
            losses.append(-logits.log_softmax(1).gather(1, y[:, None])[:, 0].numpy())
        for score, own in (("accuracy", hits), ("loss", losses)):
            column = f"{which}_{score}"
            np.testing.assert_allclose(log.clients[column], [each.mean() for each in own])
            np.testing.assert_allclose(log.history[column].iloc[-1], np.concatenate(own).mean())
