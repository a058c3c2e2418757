"""What readers call things: display names of methods, data sets, models, partitions, scores."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from benchmark.places import ALGORITHMS
from benchmark.spec import MODELS as KINDS
from benchmark.spec import Cell

METHODS = {
    "fedavg": "FedAvg",
    "pfedme": "pFedMe",
    "pfml": "PFML",
    "perfedavg": "Per-FedAvg",
    "local": "Local-only",
}
DATASETS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "synthetic": "Synthetic",
    "digits": "Digits",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
}
PAPERS = ("mlr", "dnn", "lenet5")
MODELS = {
    **{name: KINDS[name].label for name in (*PAPERS, *sorted(KINDS.keys() - {*PAPERS}))},
    "mlr+dnn": "MLR + DNN",
}
"""In the order of columns, the paper's models first."""
SCORES = {"global": "GM", "personal": "PM"}
SIGNS = {
    **{"lam": "λ", "beta": "β", "eta": "η", "alpha": "α", "mu": "μ", "gamma": "γ", "delta": "δ"},
    **{"nu": "ν", "xi": "ξ", "sigma": "σ", "eta_w": "η_w", "eta_g": "η_g"},
}
REDUCTION_TEXT = {
    "best": "best over rounds",
    "last": "last round",
    "last20": "mean of the last 20 evaluations",
    "at_best_validation": "round with the best validation accuracy",
}


@cache
def method_name(algorithm: str) -> str:
    """``FedRoD``: the ``NAME`` in the method's file; else the file's name."""
    if algorithm in METHODS:
        return METHODS[algorithm]
    try:
        text = (ALGORITHMS / f"{algorithm}.py").read_text(encoding="utf-8")
        match = re.search(r'^NAME = "([^"\n]{1,40})"$', text, re.MULTILINE)
    except (OSError, ValueError):
        match = None
    return match[1] if match else algorithm


def method_rank(algorithm: str) -> tuple[int, str]:
    """The sorting key of a method: the paper's and local-only in their order, others by name."""
    known = list(METHODS)
    return (known.index(algorithm) if algorithm in known else len(known)), algorithm


def method_label(algorithm: str, scores: str, variant: str = "") -> str:
    """``PFML (PM)``, or ``PFML (PM), K=5`` where a setting of the method is swept."""
    label = f"{method_name(algorithm)} ({SCORES[scores]})"
    return f"{label}, {variant}" if variant else label


def data_label(dataset: str, model: str) -> str:
    """``MNIST, DNN``."""
    return f"{DATASETS.get(dataset, dataset)}, {MODELS.get(model, model)}"


def variant_label(hyper: Mapping[str, Any]) -> str:
    """Settings of a method as the paper writes them: ``λ=20, K=3``."""
    return ", ".join(f"{name}={value}" for name, value in setting_labels(hyper).items())


def setting_labels(hyper: Mapping[str, Any]) -> dict[str, str]:
    """Names and values of a method's settings as text: ``{"λ": "20", "K": "3"}``."""
    return {SIGNS.get(key, key): _plain(hyper[key]) for key in sorted(hyper)}


def model_name(cell: Cell) -> str:
    """The model of a cell under the name that published_tables.json gives it."""
    return cell.model.called + (f"+{cell.auxiliary.called}" if cell.auxiliary else "")


def rounds_label(rounds: int, full_rounds: int) -> str:
    """``600 rounds``, or ``at round 60 of 600`` for a run that stopped short of the paper's."""
    return f"{rounds} rounds" if rounds >= full_rounds else f"at round {rounds} of {full_rounds}"


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
