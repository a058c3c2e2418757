"""PFML with clients' own models of another architecture, against a plain float64 loop."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from benchmark.engine.blocks import Blocks
from benchmark.engine.cohort import Auxiliary, Federation, Sampling
from benchmark.engine.methods import load_method
from benchmark.engine.models import Network
from benchmark.engine.training import Problem, run
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell, Mlr
from datasets import Arrays, Partition
from tests.benchmark.cases import cell

FEATURES, CLASSES, CLIENTS, ROUNDS = 5, 3, 3, 3
HYPER = {"E": 2, "K": 2, "lam": 15.0, "beta": 1.5, "alpha": 0.02, "mu": 0.001, "eta": 0.03}
SIZES = [7, 4, 9]


def samples() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(3)
    n = sum(SIZES)
    parts = np.split(np.arange(n), np.cumsum(SIZES)[:-1])
    return rng.normal(size=(n, FEATURES)), rng.integers(0, CLASSES, n), parts


def federation() -> Federation:
    x, y, parts = samples()
    torch.manual_seed(1)
    linear = Network(nn.Sequential(nn.Flatten(), nn.Linear(FEATURES, CLASSES)).double())
    deep = Network(
        nn.Sequential(
            nn.Flatten(), nn.Linear(FEATURES, 4), nn.ReLU(), nn.Linear(4, CLASSES)
        ).double()
    )
    train = Blocks.of(x, y, parts, max(SIZES), torch.device("cpu"))
    sampling = Sampling(CLIENTS, "all", "samples", "fixed_order")
    return Federation(linear, train, (0,), sampling, Auxiliary(deep, deep.row()[None]))


def plain(of: Federation, mutual: str, centre: str, start: str) -> tuple[Tensor, list[Tensor]]:
    """One client at a time, whole batches, autograd: w after some rounds, and every theta."""
    x, y, parts = samples()
    assert of.auxiliary is not None
    nets = {"w": copy.deepcopy(of.network.module), "m": copy.deepcopy(of.auxiliary.network.module)}
    alpha, eta, lam, mu = (HYPER[name] for name in ("alpha", "eta", "lam", "mu"))

    def logits(which: str, row: Tensor, inputs: Tensor) -> Tensor:
        vector_to_parameters(row, nets[which].parameters())
        result: Tensor = nets[which](inputs)
        return result

    def gradient(which: str, row: Tensor, peer: Tensor, inputs: Tensor, target: Tensor) -> Tensor:
        nets[which].zero_grad()
        out = logits(which, row, inputs)
        loss = F.cross_entropy(out, target)
        if mutual == "kl":
            loss = loss + F.kl_div(F.log_softmax(out, 1), peer, reduction="batchmean")
        else:
            loss = loss - (F.softmax(out, 1) * peer).sum(1).mean()
        loss.backward()
        grads = [p.grad for p in nets[which].parameters()]
        return parameters_to_vector([g for g in grads if g is not None])

    def probs(which: str, row: Tensor, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return F.softmax(logits(which, row, inputs), 1)

    w_t, own = of.network.row(), [of.auxiliary.network.row() for _ in parts]
    thetas = list(own)
    for _ in range(ROUNDS):
        sent = []
        for i, part in enumerate(parts):
            inputs, target = torch.from_numpy(x[part]), torch.from_numpy(y[part])
            w = w_hat = w_prev = w_t
            m = theta = m_prev = own[i]
            for _ in range(int(HYPER["E"])):
                of_m, of_w = probs("m", m, inputs), probs("w", w, inputs)
                G_m = gradient("m", m, of_w, inputs, target)
                G_w = gradient("w", w, of_m, inputs, target)
                if centre == "current":
                    m_prev, w_prev = m, w
                if start == "restart":
                    theta, w_hat = m, w
                for _ in range(int(HYPER["K"])):
                    peer_m, peer_w = probs("m", theta, inputs), probs("w", w_hat, inputs)
                    g_m = gradient("m", theta, peer_w, inputs, target)
                    g_w = gradient("w", w_hat, peer_m, inputs, target)
                    theta = theta - alpha * (g_m + lam * (theta - m_prev) + mu * theta)
                    w_hat = w_hat - alpha * (g_w + lam * (w_hat - w_prev) + mu * w_hat)
                m = m - eta * G_m - eta * lam * (m - theta)
                w = w - eta * G_w - eta * lam * (w - w_hat)
            own[i], thetas[i] = m, theta
            sent.append(w)
        mean = sum(n * row for n, row in zip(SIZES, sent, strict=True)) / sum(SIZES)
        w_t = (1 - HYPER["beta"]) * w_t + HYPER["beta"] * mean
    return w_t, thetas


@pytest.mark.parametrize("mutual", ["kl", "agreement"])
@pytest.mark.parametrize(("centre", "start"), [("previous", "carry"), ("current", "restart")])
def test_a_dnn_beside_a_global_mlr_is_what_the_plain_loop_makes(
    mutual: str, centre: str, start: str
) -> None:
    of, method = federation(), load_method("pfml")
    words = {"mutual": mutual, "centre": centre, "inner_start": start}
    hyper = method.resolve({**HYPER, **words})
    state = method.init(of.network.row()[None], of.everyone(0), hyper)
    for round_ in range(ROUNDS):
        state = method.train_round(state, of.cohort(round_), hyper)
    w, thetas = plain(of, mutual, centre, start)
    torch.testing.assert_close(state.w[0], w, rtol=0, atol=1e-9)
    torch.testing.assert_close(state.theta, torch.stack(thetas), rtol=0, atol=1e-9)


def problem(words: dict[str, object], features: int = FEATURES) -> tuple[Cell, Problem]:
    x, y, parts = samples()
    x = np.resize(x, (len(x), features))
    train = [part[: len(part) // 2] for part in parts]
    test = [part[len(part) // 2 :] for part in parts]
    of = cell({"algorithm": "pfml", "partition.clients": CLIENTS, **words})
    arrays = Arrays("made_up", x, y, CLASSES)
    partition = Partition(tuple(train), tuple(test))
    return of, Problem.of(of, arrays, x, partition, (0, 1), torch.device("cpu"))


def test_the_global_model_and_the_clients_own_are_scored_by_their_own_networks() -> None:
    of, made = problem({"auxiliary": {"name": "dnn", "hidden": 4}})
    results = run(of, load_method("pfml"), made)
    assert [len(result.history) for result in results] == [2, 2]
    assert {"global_accuracy", "personal_accuracy"} <= set(results[0].history)
    other = made.federation.auxiliary
    assert other is not None
    assert made.federation.network_of(made.w).parameters == 18
    assert made.federation.network_of(other.rows) is other.network
    alone = replace(made.federation, auxiliary=None)
    assert torch.equal(alone.everyone(0).auxiliary(made.w), alone.everyone(0).spread(made.w))
    drawn = made.federation.everyone(0).auxiliary(made.w)
    assert drawn.shape == (2 * CLIENTS, other.network.parameters)
    assert not torch.equal(drawn[0], drawn[CLIENTS])


def test_two_architectures_that_cannot_be_told_apart_are_refused() -> None:
    same = cell().model_dump() | {"auxiliary": Mlr(name="mlr")}
    with pytest.raises(ValueError, match="auxiliary is the model itself"):
        type(cell()).model_validate(same)
    # 8 · 3 + 3 parameters, and (8 + 1) · 2 + (2 + 1) · 3
    with pytest.raises(BenchmarkError, match="auxiliary: 27 parameters, allowed: another number"):
        problem({"auxiliary": {"name": "dnn", "hidden": 2}}, features=8)
