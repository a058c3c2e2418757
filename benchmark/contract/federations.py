"""Small federations in float64 on which the rules are tried."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import benchmark.engine.cohort
from benchmark.engine.cohort import Cohort, Federation
from benchmark.engine.methods import Method
from benchmark.engine.models import Network

Ints = NDArray[np.int64]
Outcome = dict[str, Tensor]
"""What a state holds, by name, and the ``personal`` models."""

SIZES = (7, 4, 10, 3)  # with B = 4: padded last batches, a single full one, a single short one
N, B, CLASSES, SHAPE = len(SIZES), 4, 3, (1, 4, 4)
PARTS: list[Ints] = np.split(np.arange(sum(SIZES)), np.cumsum(SIZES)[:-1])

MODULES = {
    "mlr": lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, CLASSES)),
    "dnn": lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, CLASSES)),
    "conv": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, CLASSES)
    ),
    "tanh": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, CLASSES, bias=False)
    ),
}
FAST = ("mlr", "dnn")


def samples() -> tuple[NDArray[np.float64], Ints]:
    """Inputs and labels of all clients, in the order of PARTS."""
    rng = np.random.default_rng(3)
    n = sum(SIZES)
    return rng.normal(size=(n, *SHAPE)), rng.integers(0, CLASSES, n)


def module(model: str) -> nn.Module:
    """One of MODULES, always with the same parameters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return MODULES[model]().double()


def federation(
    model: str = "mlr",
    *,
    parts: Sequence[Ints] = PARTS,
    seeds: tuple[int, ...] = (1,),
    active: int = 2,
    participation: str = "all",
    aggregation: str = "samples",
    batches: str = "fixed_order",
    local_work: str = "steps",
    engine: ModuleType = benchmark.engine.cohort,
    device: str = "cpu",
) -> Federation:
    """The clients of ``parts``; ``engine`` is the module that makes it."""
    x, y = samples()
    train = engine.Blocks.of(x, y, parts, B, torch.device(device))
    sampling = engine.Sampling(active, participation, aggregation, batches, local_work)
    made: Federation = engine.Federation(Network(module(model)), train, seeds, sampling)
    return made


def initial(of: Federation) -> Tensor:
    """Initial models (R, P), different for each seed."""
    row = of.network.row()
    noise = [np.random.default_rng(seed).normal(size=len(row)) for seed in of.seeds]
    return row + 0.1 * torch.from_numpy(np.stack(noise))


def trained(
    method: Method, hyper: Mapping[str, Any], of: Federation, w: Tensor, rounds: int = 3
) -> Outcome:
    """The state after some rounds and, where the method has them, the personal models."""
    settings = method.resolve(hyper)
    state = method.init(w, of.everyone(0), settings)
    for t in range(rounds):
        state = method.train_round(state, of.cohort(t), settings)
    personal = method.personal_models(state, of.everyone(rounds - 1), settings)
    outcome: Outcome = state._asdict()
    return outcome if personal is None else outcome | {"personal": personal}


def trains(cohort: Cohort, of: Federation, replica: int = 0) -> list[int]:
    """The clients whose rows a cohort writes."""
    table = torch.zeros(len(of.seeds) * of.clients, 1, dtype=torch.float64)
    written = cohort.write(table, torch.ones_like(cohort.read(table)))
    return numbers_of(written.unflatten(0, (-1, of.clients))[replica, :, 0])


def weights(cohort: Cohort, of: Federation, replica: int = 0) -> Tensor:
    """The weight (N,) of each client in the server's mean."""
    unit = torch.eye(of.clients, dtype=torch.float64).repeat(len(of.seeds), 1)
    return cohort.mean(cohort.read(unit))[replica]


def sends(cohort: Cohort, of: Federation, replica: int = 0) -> list[int]:
    """The clients that count in the server's mean."""
    return numbers_of(weights(cohort, of, replica))


def numbers_of(values: Tensor) -> list[int]:
    """The indices of the nonzero values (N,)."""
    return [i for i, value in enumerate(values.tolist()) if value != 0]


def close(left: Outcome, right: Outcome, atol: float = 1e-9) -> None:
    """Fail unless both hold the same tensors up to ``atol``."""
    assert left.keys() == right.keys()
    for name, value in left.items():
        other = right[name]
        assert value.shape == other.shape, name
        away = float((value - other).abs().max())
        assert away <= atol, f"{name} is {away} away"


def brief(method: Method) -> dict[str, Any]:
    """Settings with few steps; all others are the method's defaults."""
    named = {field.name for field in fields(method.Hyper)}
    return {name: 2 for name in ("E", "K", "H", "A", "C", "k") if name in named}


def choices(method: Method, *without: str) -> list[dict[str, Any]]:
    """Every combination of the settings whose type is a Literal or bool."""
    axes: dict[str, Sequence[Any]] = {}
    for name, kind in get_type_hints(method.Hyper).items():
        if name in without:
            continue
        if kind is bool:
            axes[name] = (False, True)
        elif get_origin(kind) is Literal:
            axes[name] = get_args(kind)
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]
