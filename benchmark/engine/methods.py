"""Load a method by name or path, and check that it is one."""

import hashlib
import importlib.util
import json
import os.path
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from benchmark import places
from benchmark.engine.deferred import dense_rows
from benchmark.engine.guards import Exits, TraceError, Watched
from benchmark.errors import BenchmarkError, one_line
from benchmark.places import algorithm_names
from benchmark.spec import Record, Scalar
from benchmark.spec.method_code import code_digest, files_of
from benchmark.spec.validation import parse
from datasets.errors import OneLineError
from datasets.files import read_bytes

PARTS = ("Hyper", "State", "init", "train_round", "personal_models")
LARGEST = 2**20  # bytes of a method's file
KEPT_TYPES = {
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
}
"""Types of tensors that a field of a state may have."""


class _Settings(Record):
    hyper: dict[str, Scalar]


@dataclass(frozen=True)
class Method:
    """A method as the round loop uses it; see :mod:`benchmark.algorithm` for the parts."""

    name: str
    path: Path
    source: str
    """SHA-256 of the method's file, as it was loaded."""
    code: str
    """Digest of its code without comments, docstrings and layout, and of the files of its folder
    that it imports."""
    Hyper: type[Any]
    State: type[Any]
    init: Callable[..., Any]
    train_round: Callable[..., Any]
    personal_models: Callable[..., Any]
    ranges: Mapping[str, Any] = field(default_factory=dict)
    """``RANGES`` of the file: the values of its settings that tuning tries. Empty: none given."""

    step_sizes: tuple[str, ...] = ("eta",)
    """``STEP_SIZES`` of the file: the settings that a schedule over rounds changes."""

    def scaled(self, hyper: Any, factor: float) -> Any:
        """The settings with all step sizes multiplied by ``factor``."""
        if factor == 1:
            return hyper
        try:
            return replace(hyper, **{n: factor * getattr(hyper, n) for n in self.step_sizes})
        except (AttributeError, TypeError):
            raise BenchmarkError(
                f"{self.path}: a schedule changes {', '.join(self.step_sizes)}, allowed: settings "
                "that are numbers; name them in STEP_SIZES"
            ) from None

    def resolve(self, hyper: Mapping[str, Scalar]) -> Any:
        """The method's settings: those in ``hyper``, and defaults for the others."""
        known = [field.name for field in fields(self.Hyper)]
        for name in hyper:
            if name not in known:
                raise BenchmarkError(
                    f"{self.path.name}: unknown hyper.{name}, allowed: {', '.join(known)}"
                )
        try:
            return TypeAdapter(self.Hyper).validate_json(json.dumps(dict(hyper)), strict=True)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in fault["loc"])
            raise BenchmarkError(f"{self.path.name}: hyper.{field}: {fault['msg']}") from None
        except Exception as error:  # raised by code of the file, such as a __post_init__
            raise BenchmarkError(f"{self.path.name}: Hyper: {_reason(error)}") from error

    def settings(self, hyper: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The resolved settings as plain values, for a run's record."""
        plain = {"hyper": asdict(self.resolve(hyper))}
        return parse(_Settings, plain, self.path.name).hyper

    def would_make(self, hyper: Mapping[str, Scalar], stored: Mapping[str, Scalar]) -> bool:
        """Whether ``hyper`` resolves to the settings in a run's record.

        A setting that the method did not have then counts as its default.
        """
        defaults = {field.name: field.default for field in fields(self.Hyper)}
        gained = {name: value for name, value in defaults.items() if name not in stored}
        return self.settings(hyper) == {**gained, **stored}

    def check_models(self, field: str, value: Any, like: Any, rows: int) -> None:
        """Raise BenchmarkError unless ``value`` is None or ``rows`` models like ``like``'s."""
        if value is None:
            return
        wanted = f"{(rows, like.shape[1])} {like.dtype}"
        given = f"{tuple(getattr(value, 'shape', ()))} {getattr(value, 'dtype', type(value))}"
        if given != wanted:
            raise BenchmarkError(f"{self.path}: {field}: {given}, allowed: {wanted}")

    def packed(self, state: Any) -> dict[str, Tensor]:
        """A state's tensors by name, for a snapshot; fields that are None are left out."""
        tensors = {}
        for name, value in state._asdict().items():
            if value is None:
                continue
            if fault := _unkept(value):
                raise BenchmarkError(f"{self.path}: State.{name}: {fault}")
            tensors[f"state.{name}"] = value
        return tensors

    def unpacked(self, tensors: Mapping[str, Tensor], device: torch.device) -> Any:
        """The state of which :meth:`packed` made ``tensors``."""
        fields = {name: tensors.get(f"state.{name}") for name in self.State._fields}
        on_device = {n: None if v is None else v.to(device) for n, v in fields.items()}
        return self.State(**on_device)


def load_method(name: str) -> Method:
    """The built-in method ``name``, or the method in the file at path ``name``.

    Raises BenchmarkError if there is none, or if the file defines no method.
    """
    if name in algorithm_names():
        path = places.ALGORITHMS / f"{name}.py"
    elif name.endswith(".py") and os.path.isfile(name):
        path = Path(name).resolve()
    else:
        allowed = ", ".join(algorithm_names())
        raise BenchmarkError(f"no algorithm {name!r}, allowed: {allowed}, or a path to a .py file")
    try:
        content = read_bytes(path, LARGEST)
    except OSError as error:
        raise BenchmarkError(f"{path}: {error}") from None
    module = _import(path, content)
    _require_method(path, module)
    source = hashlib.sha256(content).hexdigest()
    parts = {part: getattr(module, part) for part in PARTS}
    parts |= {part: _guarded(path, part, parts[part], module.State) for part in PARTS[2:]}
    steps = tuple(getattr(module, "STEP_SIZES", ("eta",)))
    known = (path.stem, path, source, code_digest(path))
    return Method(*known, **parts, ranges=getattr(module, "RANGES", {}), step_sizes=steps)


def _require_method(path: Path, module: ModuleType) -> None:
    """Raise BenchmarkError unless the module has all parts of a method, of the right kinds."""
    missing = [part for part in PARTS if not hasattr(module, part)]
    if missing:
        raise BenchmarkError(f"{path}: not a method, it lacks {', '.join(missing)}")
    if not isinstance(module.Hyper, type) or not is_dataclass(module.Hyper):
        raise BenchmarkError(f"{path}: Hyper is not a dataclass")
    for part in PARTS[1:]:
        if not callable(getattr(module, part)):
            raise BenchmarkError(
                f"{path}: {part} is not a {'class' if part == 'State' else 'function'}"
            )
    if not hasattr(module.State, "_fields"):
        raise BenchmarkError(f"{path}: State is not a NamedTuple")
    try:
        TypeAdapter(module.Hyper)
    except Exception as error:  # pydantic raises several kinds for annotations that are no types
        raise BenchmarkError(f"{path}: Hyper: {_reason(error)}") from error
    if not isinstance(getattr(module, "RANGES", {}), Mapping):
        raise BenchmarkError(f"{path}: RANGES is not a dictionary")


def _guarded(path: Path, part: str, call: Callable[..., Any], State: Any) -> Callable[..., Any]:
    """Wrap ``call``: a failure becomes one line that names the last line reached in the file, and
    results are plain rows."""

    watched = Watched()

    @wraps(call)
    def guarded(*args: Any) -> Any:
        try:
            result = watched(call, *args)
        except TraceError as error:
            raise TraceError(f"{path}: {part}: {error}") from None
        except OneLineError:
            raise
        except (Exception, SystemExit, GeneratorExit, Exits) as error:
            steps = traceback.extract_tb(error.__traceback__)
            lines = [step.lineno for step in steps if step.filename == str(path)]
            at = f", line {lines[-1]}" if lines else ""
            raise BenchmarkError(f"{path}{at}: {part}: {_reason(error)}") from error
        if part == "personal_models":
            return dense_rows(result)
        if not isinstance(result, State):
            raise BenchmarkError(f"{path}: {part}: returns {type(result).__name__}, not a State")
        return State._make(map(dense_rows, result))

    return guarded


def _unkept(value: Any) -> str:
    """The reason why a checkpoint cannot keep a field of a state; empty if it can."""
    if not isinstance(value, Tensor):
        return f"{type(value).__name__}, allowed: Tensor, None"
    if value.layout is not torch.strided or value.dtype not in KEPT_TYPES:
        kind = "" if value.layout is torch.strided else f" {value.layout}"
        return f"{value.dtype}{kind}, allowed: dense real numbers or bool"
    if value.requires_grad:
        return "requires grad, allowed: without (detach it)"
    return ""


def _import(path: Path, source: bytes) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"algorithms.{path.stem}", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        _forget(files_of(path)[1:])
        code = compile(source, path, "exec")  # ignores bytecode of an older text
        Watched()(exec, code, module.__dict__)
    except TraceError as error:
        raise BenchmarkError(f"{path}: {error}") from None
    except (Exception, SystemExit, GeneratorExit, Exits) as error:
        raise BenchmarkError(f"{path}: {_reason(error)}") from error
    return module


def _forget(files: Sequence[Path]) -> None:
    """Make modules be imported again, because their files may have been edited since."""
    importlib.invalidate_caches()
    places = {str(file) for file in files}
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) in places:
            del sys.modules[name]


def _reason(error: BaseException) -> str:
    name, text = type(error).__name__, one_line(error)
    return name if text == name else f"{name}: {text}"
