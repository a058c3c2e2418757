"""Limits and degenerate settings whose outcome the equations state."""

from typing import Any

import numpy as np
import torch

from benchmark.contract.rows import EVERYONE, Spy
from benchmark.engine.methods import Method, load_method
from tests.algorithms.federations import (
    PARTS,
    SIZES,
    close,
    federation,
    initial,
    trained,
    world,
)

CLOSE = 1e-12
ONE_BATCH = [part[:3] for part in PARTS]


def check_large_lambda_pins_theta(method: Method) -> None:
    """With αλ = 1 an inner step lands at centre − α∇: θ is pinned, however many steps."""
    of = federation()
    w = initial(of)
    slope = max(
        float(world(of, 0, 1).gradient(w[0], client.batch(0)).norm())
        for client in world(of, 0, 1).clients
    )
    for alpha in (1e-3, 1e-4):
        hyper = {"alpha": alpha, "lam": 1 / alpha, "eta": alpha / 10, "K": 20, "E": 1}
        theta = trained(method, hyper, of, w, rounds=1)["theta"]
        away = float((theta - w).norm(dim=1).max())
        assert 0 < away < 1.5 * alpha * slope


def check_theta_solves_the_envelope(method: Method) -> None:
    """After many inner steps ∇f(θ) + λ(θ − w_i) = 0."""
    of = federation()
    w, lam = initial(of), 2.0
    theta = trained(method, {"E": 1, "K": 200, "alpha": 0.1, "lam": lam}, of, w, 1)["theta"]
    plain = world(of, 0, 1)
    for row, client in zip(theta, plain.clients, strict=True):
        residual = plain.gradient(row, client.batch(0)) + lam * (row - w[0])
        assert float(residual.abs().max()) < 1e-8


def check_zero_lambda_is_plain_sgd(method: Method) -> None:
    """θ takes K·E steps of SGD, each batch K times; w_i and the global never move."""
    of = federation()
    w, E, K, alpha = initial(of), 3, 4, 0.05
    hyper = {"E": E, "K": K, "alpha": alpha, "lam": 0.0, "inner_start": "carry"}
    ours = trained(method, hyper, of, w, rounds=1)
    plain = world(of, 0, 1)
    thetas = []
    for client in plain.clients:
        row = w[0]
        for step in range(E * K):
            row = row - alpha * plain.gradient(row, client.batch(step // K))
        thetas.append(row)
    assert torch.equal(ours["local"], w.expand_as(ours["local"]))
    close({"theta": ours["theta"], "w": ours["w"]}, {"theta": torch.stack(thetas), "w": w}, CLOSE)


def check_lambda_matters(method: Method) -> None:
    """Another λ changes every coordinate of the model, by more than rounding."""
    of = federation()
    w = initial(of)
    ours, theirs = (trained(method, {"lam": lam}, of, w) for lam in (1.0, 15.0))
    for name, value in ours.items():
        assert float((value - theirs[name]).abs().max()) > 1e-6, name


def check_one_inner_step_is_fedavg(method: Method) -> None:
    """With K = 1 and μ = 0, restarted: w_i ← w_i − ηλα ∇f(w_i), which is FedAvg's step."""
    of = federation("dnn", participation="sampled")
    w, eta, lam, alpha = initial(of), 0.2, 3.0, 0.1
    hyper = {"K": 1, "eta": eta, "lam": lam, "alpha": alpha, "inner_start": "restart"}
    fedavg = trained(load_method("fedavg"), {"eta": eta * lam * alpha}, of, w)
    close({"w": trained(method, hyper, of, w)["w"]}, fedavg, CLOSE)


def check_server_step(method: Method) -> None:
    """w ← (1 − β) w + β · mean of what was sent, weighted by samples; β = 1 is the mean."""
    of, senders = federation(), np.array([1, 2])
    w = initial(of)
    for beta in (1.0, 0.4, 2.0):
        hyper = method.resolve({"beta": beta, "E": 2, "K": 2})
        spy = Spy(of, 0, [EVERYONE], [senders])
        state = method.init(w, of.everyone(0), hyper)
        new = method.train_round(state, spy, hyper)
        (sent,) = spy.sent
        size = torch.tensor([SIZES[i] for i in senders])
        mean = size.double() @ sent[senders] / size.sum()
        close({"w": new.w}, {"w": (1 - beta) * w + beta * mean[None]}, CLOSE)
        assert float((new.w - w).abs().max()) > 1e-5


def check_the_global_model_moves(method: Method) -> None:
    """At the defaults a round changes every coordinate of the global model (of FedBABU's, of the
    body)."""
    of = federation("tanh")
    w = initial(of)
    new = trained(method, {}, of, w, rounds=1).get("w")
    if new is not None:
        fixed = of.structure.head(1) if method.name == "fedbabu" else torch.tensor(False)
        assert torch.equal(new != w, (~fixed).expand_as(w))


def check_personal_models_are_their_own(method: Method) -> None:
    """θ is not w_i or m_i, nor the global model, nor the initial one; PM scores θ."""
    of = federation()
    w = initial(of)
    ours = trained(method, {}, of, w)
    assert torch.equal(ours["personal"], ours["theta"])
    kept = ours["local"] if "local" in ours else ours["m"]
    for other in (kept, ours["w"].expand_as(kept), w.expand_as(kept)):
        assert bool(((ours["theta"] - other).norm(dim=1) > 1e-4).all())


def check_alone_it_is_fedavg_and_local(method: Method) -> None:
    """PFML without mutual term and λ: w is FedAvg's on the same batches, m local-only's."""
    for participation in ("all", "sampled"):
        of = federation("dnn", participation=participation, batches="shuffled_passes")
        w = initial(of)
        ours = trained(method, {"mutual": "none", "lam": 0.0, "eta": 0.05}, of, w)
        fedavg = trained(load_method("fedavg"), {"eta": 0.05}, of, w)
        local = trained(load_method("local"), {"eta": 0.05}, of, w)
        close({"w": ours["w"], "m": ours["m"]}, {"w": fedavg["w"], "m": local["m"]}, CLOSE)


def check_inner_steps_do_not_matter_without_lambda(method: Method) -> None:
    """PFML with λ = 0: K, α and μ change θ only."""
    of = federation()
    w = initial(of)
    few, many = (
        trained(method, {"lam": 0.0, "K": K, "alpha": alpha, "mu": mu}, of, w)
        for K, alpha, mu in ((1, 0.01, 0.0), (4, 0.1, 0.2))
    )
    close({k: few[k] for k in ("w", "m")}, {k: many[k] for k in ("w", "m")}, CLOSE)
    assert float((few["theta"] - many["theta"]).abs().max()) > 1e-3


def check_agreeing_peers_teach_nothing(method: Method) -> None:
    """PFML's first batch starts from m = w, where KL and its gradient are zero."""
    of = federation()
    w, hyper = initial(of), {"E": 1, "K": 1}
    kl, none = (trained(method, hyper | {"mutual": m}, of, w, 1) for m in ("kl", "none"))
    close(kl, none, CLOSE)
    later = [trained(method, {"mutual": m}, of, w) for m in ("kl", "none")]
    assert float((later[0]["m"] - later[1]["m"]).abs().max()) > 1e-4


def check_zero_weight_is_no_mutual_term(method: Method) -> None:
    """PFML: weight 0 of either term equals none."""
    of = federation()
    w = initial(of)
    none = trained(method, {"mutual": "none"}, of, w)
    for mutual in ("kl", "agreement"):
        close(trained(method, {"mutual": mutual, "mutual_weight": 0.0}, of, w), none, CLOSE)


def check_meta_gradient(method: Method) -> None:
    """Per-FedAvg on clients of one batch: w − β∇F(w), F(w) = f(w − α∇f(w)), its Hessian
    exact up to δ², or left out: the gradient at the adapted weights, applied at w."""
    of = federation("mlr", parts=ONE_BATCH)
    w, alpha, beta = initial(of), 0.5, 0.3
    hyper: dict[str, Any] = {"alpha": alpha, "beta": beta, "E": 1, "delta": 1e-4}
    plain = world(of, 0, 1)
    hand: dict[str, list[torch.Tensor]] = {"first_order": [], "hessian_free": []}
    for client in plain.clients:
        x, y = (values[:3] for values in client.batch(0))

        def f(row: torch.Tensor, x: torch.Tensor = x, y: torch.Tensor = y) -> torch.Tensor:
            weight, bias = row[:-3].unflatten(0, (3, -1)), row[-3:]
            return torch.nn.functional.cross_entropy(x.flatten(1) @ weight.T + bias, y)

        slope = torch.func.grad(f)
        adapted = w[0] - alpha * slope(w[0])
        hand["first_order"].append(w[0] - beta * slope(adapted))
        meta = torch.func.grad(lambda row, f=f, slope=slope: f(row - alpha * slope(row)))
        hand["hessian_free"].append(w[0] - beta * meta(w[0]))
    for variant, rows in hand.items():
        ours = method.resolve(hyper | {"variant": variant})
        spy = Spy(of, 0, [EVERYONE], [EVERYONE])
        method.train_round(method.init(w, of.everyone(0), ours), spy, ours)
        close({variant: spy.sent[0]}, {variant: torch.stack(rows)}, 1e-7)
