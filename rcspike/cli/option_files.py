"""Options from files: a TOML file of one's own, the record of an earlier run, or that of the run to resume."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rcspike._common.name_checks import did_you_mean
from rcspike._common.readers import read_json, read_toml
from rcspike.cli.user_errors import user_errors

__all__ = ["OUT_OF_FILES", "Config", "from_files", "option_names", "stored_options"]

# Options that decide where and how a command runs; a file of options need not have them.
OUT_OF_FILES = ("config", "resume", "show", "show_process", "toml", "help")


def from_files(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Callback of eager options: take what was not typed from the file of --config and from the run to resume.

    Click looks up the values of all other options in the `default_map` of the context, and converts and checks them as
    if they had been typed.
    """
    if value in (None, False):
        return value
    known = ctx.meta.setdefault("rcspike.files", {})
    known[param.name] = value
    if param.name == "config":
        with user_errors():
            known["options"] = _values(ctx, Path(value), _content(Path(value)))
    if "out" in known and "resume" in known:
        with user_errors():
            folder = Path(known["out"])
            known["resumed"] = _values(ctx, folder / "run.json", stored_options(folder / "run.json"))
    ctx.default_map = {**known.get("resumed", {}), **known.get("options", {})}
    return value


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=from_files,
        is_eager=True,
        help="TOML file with options by name, or the record of an earlier run (run.json); typed options come first.",
        show_default=False,
    ),
]


def stored_options(record: Path) -> dict[str, Any]:
    """The options in the record of a command; none if there is no record, or it is of a version without them."""
    if not record.is_file():
        return {}
    content = read_json(record)
    options = content.get("options") if isinstance(content, dict) else None
    return options if isinstance(options, dict) else {}


def option_names(ctx: typer.Context) -> dict[str, str]:
    """The name of each option or argument, as it is typed but with '_' for '-', for each parameter of the command."""
    names = {}
    for param in ctx.command.params:
        if param.name is not None and param.name not in OUT_OF_FILES:
            typed = param.name if param.param_type_name == "argument" else param.opts[0].lstrip("-")
            names[param.name] = typed.replace("-", "_")
    return names


def _content(file: Path) -> Mapping[str, Any]:
    if not file.exists():
        raise FileNotFoundError(
            f"--config: there is no file {file}; give a TOML file with options, or a record (run.json)"
        )
    if file.suffix.lower() != ".json":
        return read_toml(file)
    content = read_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("options"), dict):
        raise ValueError(f"{file} is not a record with the options of a command; records before version 0.2 have none")
    options: dict[str, Any] = content["options"]
    return options


def _values(ctx: typer.Context, file: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """The values by the names of the parameters, as the command line would have them."""
    names = {typed: name for name, typed in option_names(ctx).items()}
    params = {param.name: param for param in ctx.command.params}
    values: dict[str, Any] = {}
    for key, value in content.items():
        name = names.get(key.replace("-", "_"))
        if name is None:
            known = f"which is not an option of {ctx.info_name}: it has {', '.join(names)}"
            raise ValueError(f"{file} has {key!r}, {known}{did_you_mean(key, names)}")
        if value is None:
            continue
        param: Any = params[name]
        takes_many, is_flag = param.nargs == -1 or getattr(param, "multiple", False), getattr(param, "is_flag", False)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool) is not is_flag:
                wanted = "true or false" if is_flag else "a number or a text"
                raise ValueError(f"{file}: {key} must be {wanted}, got {one!r}"[:500])
        if isinstance(value, list):
            if any(isinstance(one, list | dict) for one in value):
                raise ValueError(f"{file}: {key} must be a value or a list of values, got {value!r}"[:500])
            texts = list(map(str, value))
            values[name] = texts if takes_many else ",".join(texts)
        elif isinstance(value, dict):
            raise ValueError(f"{file}: {key} must be a value or a list of values, not a table")
        else:
            values[name] = value if isinstance(value, bool) else [str(value)] if takes_many else str(value)
        _check_type(ctx, file, params[name], key, value, values[name])
    return values


def _check_type(ctx: typer.Context, file: Path, param: Any, key: str, value: Any, typed: Any) -> None:
    """Raise an error that names the file, which those of the command line do not."""
    if param.callback is not None:  # it reads files itself
        return
    try:
        param.process_value(ctx, typed)
    except typer.BadParameter as error:
        raise ValueError(f"{file}: {key} is {value!r}. {error.format_message()}") from error
