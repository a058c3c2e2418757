"""Plain loops of the methods that share whole models: regularised, mixed, corrected, clustered."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tests.algorithms.plain_world import Labelled, Outcome, Settings, World, descend


def fedprox(world: World, w: Tensor, h: Settings) -> Outcome:
    """Li et al. 2020, Algorithm 2."""
    for t, round_ in enumerate(world.rounds):

        def pull(row: Tensor, centre: Tensor = w) -> Tensor:
            away: Tensor = h["mu"] * (row - centre)
            return away

        sent = {
            i: descend(world, w, world.batches(i, t, h["E"]), h, more=pull) for i in round_.trains
        }
        w = world.average(round_, sent)
    return {"w": w[None]}


def ditto(world: World, w: Tensor, h: Settings) -> Outcome:
    """Li et al. 2021, Algorithm 1."""
    own = [w for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            w_i, v_i, steps = w, own[i], world.steps(i, h["E"])
            drawn = world.batches(i, t, (2 if h["order"] == "after" else 1) * h["E"])
            for batch in drawn[:steps]:
                w_i = w_i - h["eta"] * world.gradient(w_i, batch)
            for batch in drawn[-steps:]:
                v_i = v_i - h["eta"] * (world.gradient(v_i, batch) + h["lam"] * (v_i - w))
            sent[i], own[i] = w_i, v_i
        w = world.average(round_, sent)
    return {"w": w[None], "v": torch.stack(own), "personal": torch.stack(own)}


def fml(world: World, w: Tensor, h: Settings) -> Outcome:
    """Shen et al. 2020: deep mutual learning of a shared and a private model."""

    def gradient(row: Tensor, peer: Tensor, batch: Labelled, weight: float) -> Tensor:
        p = world.probabilities(peer, batch[0])

        def rest(logits: Tensor) -> Tensor:
            kl = (p * (p.log() - logits.log_softmax(1))).sum(1).mean()
            entropy = -logits.log_softmax(1).gather(1, batch[1][:, None]).mean()
            return (1 - weight) * (kl - entropy)  # the whole cross-entropy is there already

        return world.gradient(row, batch, rest)

    own = [w for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            w_i, m_i = w, own[i]
            for batch in world.batches(i, t, h["E"]):
                down_w = gradient(w_i, m_i, batch, h["beta"])
                down_m = gradient(m_i, w_i, batch, h["alpha"])
                w_i, m_i = w_i - h["eta"] * down_w, m_i - h["eta"] * down_m
            sent[i], own[i] = w_i, m_i
        w = world.average(round_, sent)
    return {"w": w[None], "m": torch.stack(own), "personal": torch.stack(own)}


def apfl(world: World, w: Tensor, h: Settings) -> Outcome:
    """Deng et al. 2020, Algorithm 1."""
    own, weights = [w for _ in world.clients], [h["alpha"] for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            w_i, v_i = w, own[i]
            for number, batch in enumerate(world.batches(i, t, h["E"])):
                a = weights[i]
                at_mixture = world.gradient(a * v_i + (1 - a) * w_i, batch)
                if h["adaptive"] and number == 0:
                    moved = a - h["eta"] * float((v_i - w_i) @ at_mixture)
                    weights[i] = min(1.0, max(0.0, moved))
                w_i = w_i - h["eta"] * world.gradient(w_i, batch)
                v_i = v_i - h["eta"] * a * at_mixture
            sent[i], own[i] = w_i, v_i
        w = world.average(round_, sent)
    alpha = torch.tensor(weights, dtype=w.dtype)[:, None]
    v = torch.stack(own)
    return {"w": w[None], "v": v, "alpha": alpha, "personal": alpha * v + (1 - alpha) * w}


def scaffold(world: World, w: Tensor, h: Settings) -> Outcome:
    """Karimireddy et al. 2020, Algorithm 1; who does not send does not count."""
    N, c = len(world.clients), torch.zeros_like(w)
    variates = [torch.zeros_like(w) for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        models, changes = {}, {}
        for i in round_.sends:
            y, batches = w, world.batches(i, t, h["E"])
            for batch in batches:
                y = y - h["eta"] * (world.gradient(y, batch) - variates[i] + c)
            if h["option"] == "I":
                slopes = [world.gradient(w, batch) for batch in batches]
                new = torch.stack(slopes).mean(0)
            else:
                new = variates[i] - c + (w - y) / (len(batches) * h["eta"])
            models[i], changes[i] = y - w, new - variates[i]
            variates[i] = new
        w = w + h["eta_g"] * world.plain_mean(round_, models)
        c = c + len(round_.sends) / N * world.plain_mean(round_, changes)
    return {"w": w[None], "c": c[None], "c_i": torch.stack(variates)}


def feddyn(world: World, w: Tensor, h: Settings) -> Outcome:
    """Acar et al. 2021, Algorithm 1; who does not send does not count."""
    N, alpha, server = len(world.clients), h["alpha"], torch.zeros_like(w)
    duals = [torch.zeros_like(w) for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        models = {}
        for i in round_.sends:
            theta = w
            for batch in world.batches(i, t, h["E"]):
                pull = alpha * (theta - w)
                theta = theta - h["eta"] * (world.gradient(theta, batch) - duals[i] + pull)
            models[i] = theta
            duals[i] = duals[i] - alpha * (theta - w)
        for theta in models.values():
            server = server - alpha / N * (theta - w)
        w = world.plain_mean(round_, models) - server / alpha
    return {"w": w[None], "h": server[None], "g": torch.stack(duals)}


def fedamp(world: World, w: Tensor, h: Settings) -> Outcome:
    """Huang et al. 2021, Algorithm 1, its kernel 1 − e^{−d/σ}; and their heuristic."""

    def shares(own: list[Tensor], i: int, others: list[int]) -> dict[int, float]:
        if h["attention"] == "distance":
            near = {j: float((own[i] - own[j]).square().sum()) for j in others}
            return {j: h["alpha"] * math.exp(-d / h["sigma"]) / h["sigma"] for j, d in near.items()}
        cosines = {j: float(own[i] @ own[j] / (own[i].norm() * own[j].norm())) for j in others}
        powers = {j: math.exp(h["sigma"] * cos) for j, cos in cosines.items()}
        return {j: (1 - h["xi"]) * power / sum(powers.values()) for j, power in powers.items()}

    own = [w for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        before = list(own)
        for i in round_.trains:
            others = [j for j in round_.sends if j != i] if i in round_.sends else []
            share = shares(before, i, others)
            u = (1 - sum(share.values())) * before[i]
            for j, weight in share.items():
                u = u + weight * before[j]
            row = u if h["start"] == "cloud" else before[i]
            for batch in world.batches(i, t, h["E"]):
                pull = h["lam"] / h["alpha"] * (row - u)
                row = row - h["eta"] * (world.gradient(row, batch) + pull)
            own[i] = row
    return {"own": torch.stack(own), "personal": torch.stack(own)}


def ifca(world: World, w: Tensor, h: Settings) -> Outcome:
    """Ghosh et al. 2020, Algorithm 1 with model averaging."""
    assert world.start is not None
    models = [w, *(world.start(j) for j in range(1, h["k"]))]

    def best(i: int, t: int) -> int:
        batches = world.batches(i, t, h["C"])
        losses = [sum(world.loss(model, batch) for batch in batches) for model in models]
        return losses.index(min(losses))

    for t, round_ in enumerate(world.rounds):
        cluster = {i: best(i, t) for i in round_.trains}
        trained = {}
        for i in round_.trains:
            row = models[cluster[i]]
            for batch in world.batches(i, t, h["E"]):
                row = row - h["eta"] * world.gradient(row, batch)
            trained[i] = row
        for j in range(h["k"]):
            members = [i for i in round_.sends if cluster[i] == j]
            if members:
                sizes = [world.clients[i].size if world.by_samples else 1 for i in members]
                total = torch.zeros_like(w)
                for i, size in zip(members, sizes, strict=True):
                    total = total + size * trained[i]
                models[j] = total / sum(sizes)
    last = len(world.rounds) - 1
    personal = [models[best(i, last)] for i in range(len(world.clients))]
    return {"models": torch.cat(models)[None], "personal": torch.stack(personal)}


def superfed(world: World, w: Tensor, h: Settings) -> Outcome:
    """Hahn et al. 2022, one λ for the whole model."""
    assert world.start is not None
    assert world.uniforms is not None
    own = [world.start(1) for _ in world.clients]

    def cosine_gradient(at: Tensor, other: Tensor) -> Tensor:
        point = at.clone().requires_grad_()
        cos = (point @ other) / (point.norm() * other.norm())
        return torch.autograd.grad(cos**2, point)[0]

    for t, round_ in enumerate(world.rounds):
        sent, lams = {}, world.uniforms(t, h["E"])
        for i in round_.trains:
            w_i, v_i = w, own[i]
            for e, batch in enumerate(world.batches(i, t, h["E"])):
                lam, nu = (float(lams[e, i]), h["nu"]) if t >= h["warm_up"] else (0.0, 0.0)
                g = world.gradient((1 - lam) * w_i + lam * v_i, batch)
                push_w, push_v = cosine_gradient(w_i, v_i), cosine_gradient(v_i, w_i)
                w_i, v_i = (
                    w_i - h["eta"] * ((1 - lam) * g + h["mu"] * (w_i - w) + nu * push_w),
                    v_i - h["eta"] * (lam * g + nu * push_v),
                )
            sent[i], own[i] = w_i, v_i
        w = world.average(round_, sent)
    v, rounds = torch.stack(own), torch.full((1, 1), float(len(world.rounds))).double()
    personal = (1 - h["mixture"]) * w + h["mixture"] * v
    return {"w": w[None], "rounds": rounds, "v": v, "personal": personal}


OTHERS: dict[str, Callable[[World, Tensor, Settings], Outcome]] = {
    "fedprox": fedprox,
    "ditto": ditto,
    "fml": fml,
    "apfl": apfl,
    "scaffold": scaffold,
    "feddyn": feddyn,
    "fedamp": fedamp,
    "ifca": ifca,
    "superfed": superfed,
}
