"""Options that several commands share: a command takes a dataclass of them as one argument, typer sees its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

__all__ = ["ungrouped"]


def ungrouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of its groups as parameters, in the order in which its help lists them.

    A group is a parameter whose type is a dataclass, or which has a dataclass as its annotation.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        group = next(filter(is_dataclass, (hints[name], *getattr(hints[name], "__metadata__", ()))), None)
        if not isinstance(group, type):
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        groups[name], types = group, get_type_hints(group, include_extras=True)
        parameters += [_parameter(field.name, types[field.name], field.default) for field in fields(group)]

    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    run.__doc__ = command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
