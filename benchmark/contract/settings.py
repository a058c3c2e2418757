"""Rules for the settings of every method: checks on its Hyper."""

from dataclasses import MISSING, FrozenInstanceError, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from benchmark.engine.methods import Method
from benchmark.errors import BenchmarkError

WRONG: dict[object, tuple[Any, ...]] = {
    float: (-1.0, float("nan"), float("inf"), "0.1", True, None),
    int: (-1, 1.5, "2", True, None),
    bool: (1, "yes", None),
    Literal: ("nonsense", 1, True, None),
}


def check_settings_are_frozen_with_defaults(method: Method) -> None:
    """Every setting has a default, and none can be changed."""
    settings = method.resolve({})
    for field in fields(settings):
        assert field.default is not MISSING or field.default_factory is not MISSING
        try:
            setattr(settings, field.name, field.default)
        except FrozenInstanceError:
            continue
        raise AssertionError(f"{field.name} can be set")


def check_wrong_settings_are_refused(method: Method) -> None:
    """Unknown names, wrong types and numbers out of range: one line that names the field."""
    refuses(method, "nonsense", 1)
    for name, kind in get_type_hints(method.Hyper, include_extras=True).items():
        plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        for value in WRONG[Literal if get_origin(plain) is Literal else plain]:
            refuses(method, name, value)


def check_zero_server_step_is_refused(method: Method) -> None:
    """β = 0, with which the global model would never move, is refused."""
    if "beta" in method.settings({}):
        refuses(method, "beta", 0.0)


def refuses(method: Method, name: str, value: Any) -> None:
    """Fail unless the method refuses the value in one line that names the setting."""
    complaint = ""
    try:
        method.resolve({name: value})
    except BenchmarkError as error:
        complaint = str(error)
    assert complaint, f"{method.name} takes {name} = {value!r}"
    assert name in complaint
    assert "\n" not in complaint


HYPER = (
    check_settings_are_frozen_with_defaults,
    check_wrong_settings_are_refused,
)
