"""Options of a command from a file, TOML or INI; the command line comes first."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path
from typing import Any

import click

from altiflow.errors import AltiflowError, InputError

__all__ = ["config_option"]


def config_option(command: Any) -> Any:
    """Add ``--config FILE`` to a command: a file whose keys are the names of its options, in any section."""
    return click.option(
        "--config",
        type=click.Path(),
        is_eager=True,
        expose_value=False,
        callback=_take,
        help="TOML or INI file of options by their names (max-speed = 20); those given here come first.",
    )(command)


def _take(context: click.Context, _: click.Parameter, path: str | None) -> None:
    """Put the values of a file in the place of defaults."""
    if path is None:
        return
    try:
        found = _flat(Path(path))
        context.default_map = {**(context.default_map or {}), **_named(context.command, found, Path(path))}
    except AltiflowError as error:
        click.echo(f"error: {error}", err=True)
        context.exit(1)


def _flat(path: Path) -> dict[str, Any]:
    """Return keys and values of a file, of all sections."""
    if not path.is_file():
        raise InputError(f"there is no file of options {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".toml":
            sections: dict[str, Any] = tomllib.loads(text)
        else:
            parser = configparser.ConfigParser(interpolation=None, default_section="")
            parser.read_string(text)
            sections = {name: dict(parser[name]) for name in parser.sections()}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, configparser.Error) as error:
        raise InputError(f"{path.name} cannot be read as {path.suffix or 'INI'}: {error}") from error
    found: dict[str, Any] = {}
    for name, value in sections.items():
        for key, each in value.items() if isinstance(value, dict) else [(name, value)]:
            if key in found:
                raise InputError(f"{path.name} has {key!r} twice; name it once")
            found[key] = each
    return found


def _named(command: click.Command, found: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return values by the names of parameters; raise InputError for keys that are no options."""
    options = {
        text.lstrip("-").replace("-", "_"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name not in ("config", "help")
        for text in option.opts
        if text.startswith("--")
    }
    named = {}
    for key, value in found.items():
        option = options.get(key.replace("-", "_"))
        if option is None:
            known = ", ".join(sorted(name.replace("_", "-") for name in options))
            raise InputError(f"{path.name} has {key!r}, which is no option; use {known}")
        if option.name in named:
            raise InputError(f"{path.name} has {key!r} twice, with - and with _; name it once")
        given = _given(option, value, path)
        try:
            option.type_cast_value(click.Context(command), given)
        except click.BadParameter as error:
            raise InputError(f"{path.name} gives {key} = {value!r}, which means nothing: {error.message}") from error
        named[str(option.name)] = given
    return named


def _given(option: click.Option, value: Any, path: Path) -> Any:
    """Return a value as a command line would give it."""
    if isinstance(value, dict):
        raise InputError(f"{path.name} has sections within {option.name!r}; give one value")
    if option.nargs > 1:
        parts = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
        if len(parts) != option.nargs:
            raise InputError(f"{path.name} gives {option.name} {len(parts)} values; give {option.nargs}")
        return [str(part) for part in parts]
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    return value if isinstance(value, bool) else str(value)
