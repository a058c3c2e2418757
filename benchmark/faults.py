"""Validation errors in a reader's words: the field, and what is allowed there."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def explain(kind: type[BaseModel], error: ValidationError) -> str:
    """The first faults of ``kind``, unknown keys before all others."""
    faults = []
    found = sorted(error.errors(include_url=False), key=lambda f: f["type"] != "extra_forbidden")
    for fault in found[:3]:
        field = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = f"unknown key, allowed: {', '.join(_siblings(kind, fault['loc']))}"
        faults.append(f"{field}: {message}" if field else message)
    return "; ".join(faults)


def _siblings(kind: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys allowed beside the one at ``loc``."""
    models = [kind]
    for part in loc[:-1]:
        deeper = [m for k in models if part in k.model_fields for m in _nested(k, str(part))]
        tagged = [m for m in models if part in _tags(m)]
        models = deeper or tagged or models  # else: an index into a list
    return sorted({field for model in models for field in model.model_fields})


def _nested(kind: type[BaseModel], field: str) -> list[type[BaseModel]]:
    found, todo = [], [kind.model_fields[field].annotation]
    while todo:
        annotation: Any = todo.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        else:
            todo += get_args(annotation)
    return found


def _tags(kind: type[BaseModel]) -> tuple[Any, ...]:
    fields = kind.model_fields
    return next((get_args(fields[f].annotation) for f in ("kind", "name") if f in fields), ())
