"""The final models of a run, as ``models.safetensors`` beside its tables.

The file holds the models that the run's last evaluation scored: the global one as
``global/<name>``, client 3's own as ``personal/3/<name>``, each tensor under its name in the
module's ``state_dict``. Its metadata say for which inputs the modules were built, so that a model
can be built again. A diverged run keeps its last models.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from benchmark.errors import BenchmarkError, one_line
from benchmark.store.record import MODELS, Run
from benchmark.store.runs import checked

GLOBAL, PERSONAL = "global", "personal"


def packed(
    models: Mapping[str, Mapping[str, Tensor]], shape: tuple[int, ...], classes: int
) -> bytes:
    """The content of the file.

    models: for GLOBAL and PERSONAL, the tensors of k models by name, stacked (k, …). shape: that of
    one input. classes: the number of logits.
    """
    tensors = {
        f"{_above(which, client)}{name}": own.detach().cpu().contiguous().clone()
        for which, stacked in models.items()
        for name, each in stacked.items()
        for client, own in enumerate(each)
    }
    facts = {"shape": json.dumps(list(shape)), "classes": str(classes)}
    return safetensors.torch.save(tensors, facts)


def kept_models(folder: Path) -> tuple[bool, int]:
    """Whether a run keeps a global model, and how many personalised ones; reads no tensor.

    Raises BenchmarkError if the file is missing or damaged.
    """
    with _opened(folder / MODELS) as file:
        names = [name.split("/", 2) for name in file.keys()]  # noqa: SIM118  not a mapping
    clients = {name[1] for name in names if name[0] == PERSONAL and len(name) == 3}
    return any(name[0] == GLOBAL for name in names), len(clients)


def read_model(
    folder: Path, run: Run, client: int | None = None, into: nn.Module | None = None
) -> nn.Module:
    """The global model of a run, or a client's personalised one.

    client: its number, from 0. None: the global model.
    into: a module of the same architecture to load the parameters into. None: a new one, built as
        the cell says.
    Raises BenchmarkError if the run does not keep this model, if its file is damaged, or if the
    module has other parameters.
    """
    path = folder / MODELS
    if not (run.has_models and path.is_file()):
        raise BenchmarkError(f"{folder}: keeps no models; run with --keep-models")
    try:
        tensors = safetensors.torch.load(checked(folder, run, MODELS))
    except SafetensorError as error:
        raise BenchmarkError(f"{path}: not a file of models ({error})") from None
    above = _above(GLOBAL if client is None else PERSONAL, client or 0)
    own = {n.removeprefix(above): t for n, t in tensors.items() if n.startswith(above)}
    if not own:
        _, clients = kept_models(folder)
        which = "no global model" if client is None else f"no model of client {client}"
        some = f"clients 0 to {clients - 1}" if clients else "only the global model"
        raise BenchmarkError(f"{path}: {which}, allowed: {some}")
    module = _built(path, run, client) if into is None else into
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"{path}: does not fit the module: {reason}") from None
    return module


def _built(path: Path, run: Run, client: int | None) -> nn.Module:
    with _opened(path) as file:
        facts = file.metadata() or {}
    cell = run.cell
    kind = cell.model if client is None or cell.auxiliary is None else cell.auxiliary
    try:
        shape, classes = tuple(map(int, json.loads(facts["shape"]))), int(facts["classes"])
        module: nn.Module = kind.build(shape, classes)
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        reason = one_line(error)
        raise BenchmarkError(f"{path}: shape, classes: no model is built so ({reason})") from None
    return module


def _above(which: str, client: int) -> str:
    """The prefix of the names of a model's tensors."""
    return f"{GLOBAL}/" if which == GLOBAL else f"{PERSONAL}/{client}/"


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise BenchmarkError(f"{path}: not a file of models ({error})") from None
