"""Limits in which one method is another, and sums that hold in every round."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.engine.cohort import Federation
from benchmark.engine.methods import Method, load_method
from tests.algorithms.federations import close, federation, initial, trained
from tests.algorithms.plain_world import Outcome

CLOSE = 1e-12
WAYS = (("fixed_order", "all"), ("shuffled_passes", "sampled"), ("with_replacement", "sampled"))


def ways(aggregation: str = "samples", model: str = "dnn") -> Iterator[Federation]:
    """Two replicas, every way of drawing batches, all or sampled clients."""
    for batches, participation in WAYS:
        yield federation(
            model,
            seeds=(4, 5),
            batches=batches,
            participation=participation,
            aggregation=aggregation,
        )


def check_is(
    method: Method,
    hyper: Mapping[str, Any],
    like: Mapping[str, tuple[str, str, Mapping[str, Any]]],
    atol: float = CLOSE,
    aggregation: str = "samples",
) -> None:
    """Outcomes of ``method``, by name, equal outcomes of other methods.

    like: name to (other method, its name there, its settings).
    """
    for of in ways(aggregation):
        w = initial(of)
        ours = trained(method, hyper, of, w)
        for name, (other, field, settings) in like.items():
            theirs = trained(load_method(other), settings, of, w)[field]
            close({name: ours[name]}, {name: theirs}, atol)


STEP = {"eta": 0.05, "E": 3}
FEDAVG, LOCAL = ("fedavg", "w", STEP), ("local", "m", STEP)


def check_fedprox(method: Method) -> None:
    """μ = 0 is FedAvg bit for bit; with E = 1 no μ matters."""
    check_is(method, STEP | {"mu": 0.0}, {"w": FEDAVG}, 0)
    one = STEP | {"E": 1}
    check_is(method, one | {"mu": 7.0}, {"w": ("fedavg", "w", one)})


def check_ditto(method: Method) -> None:
    """λ = 0 is FedAvg and local-only; λ matters at the defaults; w never depends on it."""
    check_is(method, STEP | {"lam": 0.0}, {"w": FEDAVG, "v": LOCAL})
    check_is(method, STEP, {"w": FEDAVG})
    of = federation("dnn")
    default, alone = (trained(method, h, of, initial(of)) for h in ({}, {"lam": 0.0}))
    assert float((default["v"] - alone["v"]).abs().max()) > 1e-6
    after = [trained(method, {"order": "after", "lam": lam}, of, initial(of)) for lam in (0, 9)]
    close({"w": after[0]["w"]}, {"w": after[1]["w"]}, 0)
    assert float((after[1]["v"] - after[0]["v"]).abs().max()) > 1e-6


def check_fml(method: Method) -> None:
    """α = β = ½ is PFML with λ = 0 at half the step; α = β = 1 is local-only and FedAvg."""
    halved = STEP | {"eta": STEP["eta"] / 2, "lam": 0.0, "K": 1}
    pfml = {name: ("pfml", name, halved) for name in ("w", "m")}
    check_is(method, STEP | {"alpha": 0.5, "beta": 0.5}, pfml)
    check_is(method, STEP | {"alpha": 1.0, "beta": 1.0}, {"w": FEDAVG, "m": LOCAL})
    check_is(method, STEP, pfml)  # the defaults: labels and peer count for both


def check_apfl(method: Method) -> None:
    """α = 1 is local-only, α = 0 FedAvg with v at rest; w never depends on α."""
    check_is(method, STEP | {"alpha": 1.0}, {"w": FEDAVG, "v": LOCAL, "personal": LOCAL})
    check_is(method, STEP | {"alpha": 0.3, "adaptive": True}, {"w": FEDAVG})
    for of in ways():
        w = initial(of)
        ours = trained(method, STEP | {"alpha": 0.0}, of, w)
        start = of.everyone(0).spread(w)
        close(
            {"v": ours["v"], "personal": ours["personal"]},
            {"v": start, "personal": of.everyone(0).spread(ours["w"])},
            0,
        )


def check_fedper(method: Method) -> None:
    """A head of all layers is local-only; one of none is FedAvg."""
    check_is(method, STEP | {"layers": 2}, {"personal": LOCAL})
    check_is(method, STEP | {"layers": 0}, {"shared": FEDAVG})


def check_lgfedavg(method: Method) -> None:
    """All layers shared is FedAvg, none local-only; one shared is the last, the same for all."""
    check_is(method, STEP | {"layers": 2}, {"shared": FEDAVG})
    check_is(method, STEP | {"layers": 0}, {"personal": LOCAL})
    of = federation("dnn")
    head = of.structure.head(1)
    assert int(head.sum()) == 5 * 3 + 3
    assert bool(head[-18:].all())
    personal = trained(method, STEP, of, initial(of))["personal"]
    same = (personal == personal[:1]).all(0)
    assert torch.equal(same, head)


def check_fedrep(method: Method) -> None:
    """Without head steps heads stay as they are, bit for bit; without a head it is FedAvg."""
    for of in ways():
        w, head = initial(of), of.structure.head(1)
        ours = trained(method, STEP | {"H": 0}, of, w)
        assert torch.equal(ours["own"], head * of.everyone(0).spread(w))
    check_is(method, STEP | {"H": 0, "layers": 0}, {"shared": FEDAVG})


def check_fedbabu(method: Method) -> None:
    """A head of all layers: w never moves; of none: FedAvg. Not even weight decay moves a head.
    Without fine-tuning PM is GM; one step of it is one step from the newest w."""
    check_is(method, STEP | {"layers": 0}, {"w": FEDAVG})
    for of in ways():
        w, head = initial(of), of.structure.head(1)
        assert torch.equal(trained(method, STEP | {"layers": 2}, of, w)["w"], w)
        ours = trained(method, STEP | {"decay": 0.1, "finetune_steps": 0}, of, w)
        assert torch.equal(ours["w"][:, head], w[:, head])
        assert torch.equal(ours["personal"], of.everyone(0).spread(ours["w"]))
        tuned = trained(method, STEP | {"finetune_steps": 1}, of, w)
        everyone = of.everyone(2)
        rows = everyone.spread(tuned["w"])
        slope = everyone.grad(rows, next(everyone.batches(1)))
        close({"p": tuned["personal"]}, {"p": rows - STEP["eta"] * slope}, CLOSE)


def check_fedrod(method: Method) -> None:
    """γ = 0 is FedAvg; φ is 0 outside the head; γ matters at the defaults; the loss falls when
    the label's logit rises."""
    check_is(method, STEP | {"gamma": 0.0}, {"w": FEDAVG}, 1e-10)
    for of in ways():
        ours = trained(method, STEP, of, initial(of))
        assert not bool(ours["phi"][:, ~of.structure.head(1)].any())
        assert bool(ours["phi"][:, of.structure.head(1)].any())
        fedavg = trained(load_method("fedavg"), STEP, of, initial(of))
        assert float((ours["w"] - fedavg["w"]).abs().max()) > 1e-5


def check_fedala(method: Method) -> None:
    """η_w = 0 is FedAvg, and so is mixing no layer; weights stay in [0, 1] and move."""
    check_is(method, STEP | {"eta_w": 0.0}, {"w": FEDAVG})
    check_is(method, STEP | {"layers": 0}, {"w": FEDAVG})
    of = federation("dnn")
    weight = trained(method, STEP | {"eta_w": 50.0}, of, initial(of), 4)["weight"]
    assert bool(((weight >= 0) & (weight <= 1)).all())
    assert bool((weight < 1).any())


def check_ifca(method: Method) -> None:
    """k = 1 is FedAvg; of several models that start apart, a member is no worse off."""
    check_is(method, STEP | {"k": 1}, {"models": FEDAVG})


def check_superfed(method: Method) -> None:
    """Before any mixing it is FedAvg with a proximal term; the two models start differently."""
    for mu in (0.0, 0.3):
        fedprox = ("fedprox", "w", STEP | {"mu": mu})
        check_is(method, STEP | {"mu": mu, "warm_up": 9}, {"w": fedprox})
    of = federation("dnn")
    w = initial(of)
    start = method.init(w, of.everyone(0), method.resolve({})).v
    cos = torch.nn.functional.cosine_similarity(start, of.everyone(0).spread(w), dim=1)
    assert bool((cos.abs() < 0.9).all())


def check_fedamp(method: Method) -> None:
    """Without pull and mixing it is local-only; at the defaults clients are drawn together."""
    check_is(method, STEP | {"lam": 0.0, "alpha": 1e-12}, {"own": LOCAL}, 1e-9)
    heuristic = {"attention": "cosine", "lam": 0.0, "xi": 1.0}
    check_is(method, STEP | heuristic, {"own": LOCAL}, 1e-9)
    of = federation("dnn", active=4)
    w = initial(of)
    spread = []
    for hyper in ({"lam": 0.0, "alpha": 1e-12}, {"lam": 1.0, "alpha": 1.0, "sigma": 10.0}):
        own: Tensor = trained(method, STEP | hyper, of, w, 6)["own"]
        spread.append(float((own - own.mean(0)).norm()))
    assert spread[1] < 0.9 * spread[0]


def _rounds(method: Method, of: Federation, hyper: Mapping[str, Any]) -> Iterator[Outcome]:
    settings = method.resolve(hyper)
    state = method.init(initial(of), of.everyone(0), settings)
    for t in range(4):
        state = method.train_round(state, of.cohort(t), settings)
        yield state._asdict()


def _check_mean(method: Method, of_all: str, of_each: str, hyper: Mapping[str, Any]) -> None:
    for of in ways():
        for state in _rounds(method, of, hyper):
            mean = state[of_each].unflatten(0, (len(of.seeds), -1)).mean(1)
            close({of_all: state[of_all]}, {of_all: mean}, CLOSE)


def check_scaffold(method: Method) -> None:
    """The first round is FedAvg's with uniform weights, the second is not; c is always the mean
    of all c_i, whoever trains and sends; the server steps along the mean of differences."""
    _check_mean(method, "c", "c_i", STEP)
    for of in ways("uniform"):
        w, fedavg = initial(of), load_method("fedavg")
        first = trained(method, STEP, of, w, 1)["w"]
        close({"w": first}, {"w": trained(fedavg, STEP, of, w, 1)["w"]}, CLOSE)
        doubled = trained(method, STEP | {"eta_g": 2.0}, of, w, 1)["w"]
        close({"w": doubled}, {"w": w + 2 * (first - w)}, CLOSE)
        later = [trained(each, STEP, of, w, 2)["w"] for each in (method, fedavg)]
        one = STEP | {"E": 1}
        by = {each: trained(method, one | {"option": each}, of, w) for each in ("I", "II")}
        close(by["I"], by["II"], CLOSE)  # the gradient of a single step is at w_t either way
        assert float((later[0] - later[1]).abs().max()) > 1e-5


def check_feddyn(method: Method) -> None:
    """h is always the mean of all g_i, whoever trains and sends; where clients agree with one
    another and nothing moves, g_i is ∇f_i."""
    _check_mean(method, "h", "g", STEP | {"alpha": 0.1})
    of = federation("mlr", parts=[np.arange(4)], active=1)  # one client, one batch
    steps = {"eta": 0.3, "E": 20, "alpha": 0.5}
    ours = trained(method, steps, of, initial(of), 400)
    everyone = of.everyone(0)
    slope = everyone.grad(ours["w"], next(everyone.batches(1)))
    close({"g": ours["g"]}, {"g": slope}, 2e-3)
    assert float(slope.norm()) < 2e-2


FAMILIES = {
    "fedprox": check_fedprox,
    "ditto": check_ditto,
    "fml": check_fml,
    "apfl": check_apfl,
    "fedper": check_fedper,
    "lgfedavg": check_lgfedavg,
    "fedrep": check_fedrep,
    "fedbabu": check_fedbabu,
    "fedrod": check_fedrod,
    "fedala": check_fedala,
    "scaffold": check_scaffold,
    "fedamp": check_fedamp,
    "ifca": check_ifca,
    "feddyn": check_feddyn,
    "superfed": check_superfed,
}
