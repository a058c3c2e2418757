"""Each method's rounds as plain float64 loops, one client at a time, from the papers' equations.

``h`` maps the names of a method's settings to their values. Every loop returns what the method's
state holds after the last round, by name, and the ``personal`` models.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from tests.algorithms.plain_others import OTHERS
from tests.algorithms.plain_sharing import SHARING
from tests.algorithms.plain_world import Labelled, Outcome, Settings, World, descend


def fedavg(world: World, w: Tensor, h: Settings) -> Outcome:
    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            sent[i] = descend(world, w, world.batches(i, t, h["E"]), h)
        w = world.average(round_, sent)
    outcome = {"w": w[None]}
    steps, last = h["finetune_steps"], len(world.rounds) - 1
    if steps > 0:
        mask = world.head(1) if h["finetune"] == "head" else 1.0
        outcome["personal"] = torch.stack(
            [
                descend(world, w, world.batches(i, last, steps), h, mask)
                for i in range(len(world.clients))
            ]
        )
    return outcome


def local(world: World, w: Tensor, h: Settings) -> Outcome:
    models = [w for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        for i in round_.trains:
            models[i] = descend(world, models[i], world.batches(i, t, h["E"]), h)
    return {"m": torch.stack(models), "personal": torch.stack(models)}


def perfedavg(world: World, w: Tensor, h: Settings) -> Outcome:
    """Fallah et al. 2020, Algorithm 1, its Hessian dropped or replaced by a difference."""
    alpha, beta, delta = h["alpha"], h["beta"], h["delta"]
    fresh = 2 if h["variant"] == "first_order" else 3
    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            row, drawn = w, world.batches(i, t, h["E"] * fresh)
            for D in zip(*(drawn[j::fresh] for j in range(fresh)), strict=True):
                meta = world.gradient(row - alpha * world.gradient(row, D[0]), D[1])
                if fresh == 3:
                    forth = world.gradient(row + delta * meta, D[2])
                    back = world.gradient(row - delta * meta, D[2])
                    hessian_product = (forth - back) / (2 * delta)
                    meta = meta - alpha * hessian_product
                row = row - beta * meta
            sent[i] = row
        w = world.average(round_, sent)
    last = len(world.rounds) - 1
    everyone = range(len(world.clients))
    personal = [w - alpha * world.gradient(w, world.batches(i, last, 1)[0]) for i in everyone]
    return {"w": w[None], "personal": torch.stack(personal)}


def pfedme(world: World, w: Tensor, h: Settings) -> Outcome:
    """Dinh et al. 2020, Algorithm 1, its argmin by K gradient steps."""
    thetas, locals_ = ([w for _ in world.clients] for _ in range(2))
    for t, round_ in enumerate(world.rounds):
        for i in round_.trains:
            w_i = theta = w
            for batch in world.batches(i, t, h["E"]):
                if h["inner_start"] == "restart":
                    theta = w_i
                for _ in range(h["K"]):
                    slope = world.gradient(theta, batch) + h["lam"] * (theta - w_i)
                    theta = theta - h["alpha"] * (slope + h["mu"] * theta)
                w_i = w_i - h["eta"] * h["lam"] * (w_i - theta)
            thetas[i], locals_[i] = theta, w_i
        mean = world.average(round_, dict(enumerate(locals_)))
        w = (1 - h["beta"]) * w + h["beta"] * mean
    theta_table, local_table = torch.stack(thetas), torch.stack(locals_)
    scored = theta_table if h["scored"] == "theta" else local_table
    return {"w": w[None], "theta": theta_table, "local": local_table, "personal": scored}


def _mutual_gradient(
    world: World, row: Tensor, peer: Tensor, batch: Labelled, h: Settings
) -> Tensor:
    """∇L at ``row``: cross-entropy and, weighted, how far it is from the peer."""
    p = world.probabilities(peer, batch[0])

    def kl(logits: Tensor) -> Tensor:
        return (p * (p.log() - logits.log_softmax(1))).sum(1).mean()

    def agreement(logits: Tensor) -> Tensor:
        return -(p * logits.softmax(1)).sum(1).mean()

    if h["mutual"] == "none":
        return world.gradient(row, batch)
    term = kl if h["mutual"] == "kl" else agreement
    return world.gradient(row, batch, lambda logits: h["mutual_weight"] * term(logits))


def pfml(world: World, w: Tensor, h: Settings) -> Outcome:
    """Yang et al. 2021, Algorithm 1, with its open choices as named."""
    eta, lam, alpha, mu = h["eta"], h["lam"], h["alpha"], h["mu"]
    auxiliary, thetas = ([w for _ in world.clients] for _ in range(2))
    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            w_e = w
            m_e = auxiliary[i] if h["persistent"] else w
            theta, w_hat = m_e, w_e
            m_first, w_first = m_e, w_e
            for batch in world.batches(i, t, h["E"]):
                if h["inner_start"] == "restart":
                    theta, w_hat = m_e, w_e
                m_centre, w_centre = m_e, w_e
                if h["centre"] == "previous":
                    m_centre, w_centre = m_first, w_first
                for _ in range(h["K"]):
                    to_theta, to_w_hat = w_hat, theta
                    if h["peer"] == "fixed":
                        to_theta, to_w_hat = w_e, m_e
                    down_theta = _mutual_gradient(world, theta, to_theta, batch, h)
                    down_w_hat = _mutual_gradient(world, w_hat, to_w_hat, batch, h)
                    pull_theta = lam * (theta - m_centre) + mu * theta
                    pull_w_hat = lam * (w_hat - w_centre) + mu * w_hat
                    theta = theta - alpha * (down_theta + pull_theta)
                    w_hat = w_hat - alpha * (down_w_hat + pull_w_hat)
                down_m, down_w = down_theta, down_w_hat
                if h["outer_gradient"] == "outer":
                    down_m = _mutual_gradient(world, m_e, w_e, batch, h)
                    down_w = _mutual_gradient(world, w_e, m_e, batch, h)
                m_e = m_e - eta * down_m - eta * lam * (m_e - theta)
                w_e = w_e - eta * down_w - eta * lam * (w_e - w_hat)
            sent[i], auxiliary[i], thetas[i] = w_e, m_e, theta
        w = (1 - h["beta"]) * w + h["beta"] * world.average(round_, sent)
    m, theta_table = torch.stack(auxiliary), torch.stack(thetas)
    scored = theta_table if h["scored"] == "theta" else m
    return {"w": w[None], "m": m, "theta": theta_table, "personal": scored}


LOOPS: dict[str, Callable[[World, Tensor, Settings], Outcome]] = {
    "fedavg": fedavg,
    "local": local,
    "perfedavg": perfedavg,
    "pfedme": pfedme,
    "pfml": pfml,
    **OTHERS,
    **SHARING,
}
