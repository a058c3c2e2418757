"""Validation errors in one line: the field, and the values that are allowed."""

import json
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from benchmark.errors import BenchmarkError

R = TypeVar("R", bound=BaseModel)
SHOWN = 3
SCALARS = ("bool", "int", "float", "str")


def parse(kind: type[R], data: dict[str, Any], source: str) -> R:
    """Validate ``data``.

    Raises BenchmarkError in one line: the source, the field and the allowed values.
    """
    try:
        return kind.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise BenchmarkError(f"{source}: {explain(kind, error)}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise BenchmarkError(f"{source}: {error}") from None


def explain(kind: type[BaseModel], error: ValidationError) -> str:
    """The first faults of ``data`` for ``kind`` in one line, unknown keys first.

    Fields with the same fault are listed together. pydantic reports one fault per type that a
    value may have; these are joined by "or".
    """
    faults: dict[str, list[str]] = {}
    reported = sorted(error.errors(include_url=False), key=lambda f: f["type"] != "extra_forbidden")
    for fault in reported:
        loc = fault["loc"]
        if loc and loc[-1] in SCALARS:
            loc = loc[:-1]
        field, beside, inside = _place(kind, loc)
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            allowed = {name for model in beside for name in model.model_fields}
            message = f"unknown key, allowed: {', '.join(sorted(allowed))}"
        elif fault["type"] == "union_tag_not_found":
            field += "." + fault["ctx"]["discriminator"].strip("'")
            allowed = {str(tag) for model in inside for tag in _tags(model)}
            message = f"Field required, allowed: {', '.join(sorted(allowed))}"
        faults.setdefault(field, []).append(message)
    fields: dict[str, list[str]] = {}
    for field, messages in list(faults.items())[:SHOWN]:
        other = [m.removeprefix("Input should be ") for m in messages[1:]]
        fields.setdefault(" or ".join(dict.fromkeys(messages[:1] + other)), []).append(field)
    return "; ".join(
        f"{', '.join(named)}: {message}" if any(named) else message
        for message, named in fields.items()
    )


def _place(
    kind: type[BaseModel], loc: tuple[int | str, ...]
) -> tuple[str, list[type[BaseModel]], list[type[BaseModel]]]:
    """A field's dotted name, the record types that may hold it, and those that it may hold."""
    beside, inside, names = [kind], [kind], []
    for part in loc:
        if tagged := [m for m in inside if part in _tags(m)]:
            inside = tagged  # a tag of a union, not a key of the file
            continue
        names.append(str(part))
        beside = inside
        deeper = [m for k in inside if part in k.model_fields for m in _nested(k, str(part))]
        inside = deeper or inside  # else: an index into a list
    return ".".join(names), beside, inside


def _nested(kind: type[BaseModel], field: str) -> list[type[BaseModel]]:
    records, todo = [], [kind.model_fields[field].annotation]
    while todo:
        annotation: Any = todo.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            records.append(annotation)
        else:
            todo += get_args(annotation)
    return records


def _tags(kind: type[BaseModel]) -> tuple[Any, ...]:
    fields = kind.model_fields
    return next((get_args(fields[f].annotation) for f in ("kind", "name") if f in fields), ())
