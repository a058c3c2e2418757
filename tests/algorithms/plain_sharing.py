"""Plain loops of the methods that tell a model's body from its head."""

from collections.abc import Callable

import torch
from torch import Tensor

from tests.algorithms.plain_world import Labelled, Outcome, Settings, World, descend


def _sharing(world: World, w: Tensor, h: Settings, shares: Tensor) -> Outcome:
    """Joint SGD; the masked part is averaged, the rest stays with the client."""
    shared, own = w * shares, [w * (1 - shares) for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        trained = {}
        for i in round_.trains:
            trained[i] = descend(world, shared + own[i], world.batches(i, t, h["E"]), h)
            own[i] = trained[i] * (1 - shares)
        shared = world.average(round_, trained) * shares
    table = torch.stack(own)
    return {"shared": shared[None], "own": table, "personal": table + shared}


def fedper(world: World, w: Tensor, h: Settings) -> Outcome:
    """Arivazhagan et al. 2019: the body is shared."""
    return _sharing(world, w, h, 1 - world.head(h["layers"]))


def lgfedavg(world: World, w: Tensor, h: Settings) -> Outcome:
    """Liang et al. 2020: the head is shared."""
    return _sharing(world, w, h, world.head(h["layers"]))


def fedrep(world: World, w: Tensor, h: Settings) -> Outcome:
    """Collins et al. 2021, Algorithm 1."""
    head = world.head(h["layers"])
    body = 1 - head
    phi, heads = w * body, [w * head for _ in world.clients]
    for t, round_ in enumerate(world.rounds):
        bodies = {}
        for i in round_.trains:
            batches = world.batches(i, t, h["H"] + h["E"])
            first = world.steps(i, h["H"])
            row = descend(world, phi + heads[i], batches[:first], h, head)
            heads[i] = row * head
            bodies[i] = descend(world, row, batches[first:], h, body) * body
        phi = world.average(round_, bodies)
    table = torch.stack(heads)
    return {"shared": phi[None], "own": table, "personal": table + phi}


def fedbabu(world: World, w: Tensor, h: Settings) -> Outcome:
    """Oh et al. 2022, Algorithm 1, and fine-tuning from the last global model."""
    head = world.head(h["layers"])
    for t, round_ in enumerate(world.rounds):
        sent = {
            i: descend(world, w, world.batches(i, t, h["E"]), h, 1 - head) for i in round_.trains
        }
        w = world.average(round_, sent)
    last = len(world.rounds) - 1
    mask = {"all": head + (1 - head), "head": head, "body": 1 - head}[h["finetune"]]
    personal = [
        descend(world, w, world.batches(i, last, h["finetune_steps"]), h, mask)
        for i in range(len(world.clients))
    ]
    return {"w": w[None], "personal": torch.stack(personal)}


def fedrod(world: World, w: Tensor, h: Settings) -> Outcome:
    """Chen, Chao 2022: the balanced softmax trains (θ, ψ), plain cross-entropy φ_i."""
    head = world.head(1)
    heads = [torch.zeros_like(w) for _ in world.clients]

    def generic(row: Tensor, batch: Labelled, counts: Tensor) -> Tensor:
        x, y = batch
        logits = world.logits(row, x)
        weights = counts ** h["gamma"] * logits.exp()
        loss = -(weights.gather(1, y[:, None])[:, 0] / weights.sum(1)).log().mean()
        grads = torch.autograd.grad(loss, world.parameters)
        return torch.nn.utils.parameters_to_vector(grads)

    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            w_i, phi, counts = w, heads[i], world.class_counts(i)
            for batch in world.batches(i, t, h["E"]):
                at_personal = world.gradient(w_i + phi, batch)
                w_i = w_i - h["eta"] * generic(w_i, batch, counts)
                phi = phi - h["eta"] * head * at_personal
            sent[i], heads[i] = w_i, phi
        w = world.average(round_, sent)
    table = torch.stack(heads)
    return {"w": w[None], "phi": table, "personal": w + table}


def fedala(world: World, w: Tensor, h: Settings) -> Outcome:
    """Zhang et al. 2023, Algorithm 1, with A steps of the weights in every round."""
    head = world.head(h["layers"])
    own = [w for _ in world.clients]
    weights = [torch.ones_like(w) for _ in world.clients]

    def received(i: int, t: int) -> tuple[Tensor, Tensor]:
        weight, way = weights[i], w - own[i]

        def theta() -> Tensor:
            return head * (own[i] + way * weight) + (1 - head) * w

        for batch in world.batches(i, t, h["A"]):
            slope = world.gradient(theta(), batch)
            weight = (weight - h["eta_w"] * slope * way * head).clamp(0, 1)
        return theta(), weight

    for t, round_ in enumerate(world.rounds):
        sent = {}
        for i in round_.trains:
            row, weight = received(i, t)
            for batch in world.batches(i, t, h["E"]):
                row = row - h["eta"] * world.gradient(row, batch)
            sent[i], weights[i] = row, weight
        for i, row in sent.items():
            own[i] = row
        w = world.average(round_, sent)
    last = len(world.rounds) - 1
    personal = torch.stack([received(i, last)[0] for i in range(len(world.clients))])
    return {
        "w": w[None],
        "own": torch.stack(own),
        "weight": torch.stack(weights),
        "personal": personal,
    }


SHARING: dict[str, Callable[[World, Tensor, Settings], Outcome]] = {
    "fedper": fedper,
    "lgfedavg": lgfedavg,
    "fedrep": fedrep,
    "fedbabu": fedbabu,
    "fedrod": fedrod,
    "fedala": fedala,
}
