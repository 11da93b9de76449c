"""README and documentation as tests read them: fenced code, and the commands that it prints."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "DOCS",
    "PAGES",
    "ROOT",
    "Block",
    "Command",
    "blocks",
    "commands_of",
    "inline_commands",
    "name_of",
    "parse",
    "prose",
    "words_of",
]

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


class Block(NamedTuple):
    """Fenced code and the line that it starts on, counted from 0."""

    language: str
    code: str
    line: int


class Command(NamedTuple):
    """A command of a shell line, and the lines that a page prints as its answer."""

    words: list[str]
    answer: list[str]

    @property
    def program(self) -> str:
        return self.words[0].rpartition("/")[2]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> Iterator[Block]:
    for found in re.finditer(r"^```([^\n`]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(found[1].strip(), found[2], text.count("\n", 0, found.start(2)))


def prose(text: str) -> str:
    """A page without its fenced code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def words_of(line: str) -> Iterator[list[str]]:
    """The commands of a shell line, each as its words; variables become 0, comments and assignments fall away."""
    lexer = shlex.shlex(re.sub(r"\$\w+", "0", line), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|"):
            if words:
                yield words
            words = []
        elif words or not re.match(r"\w+=", word):
            words.append(word)


def commands_of(page: Path) -> list[Command]:
    """The commands in the shell blocks of a page, in the order in which it prints them."""
    found: list[Command] = []
    for block in blocks(page.read_text(encoding="utf-8")):
        for line in block.code.replace("\\\n", " ").splitlines():
            if block.language in ("sh", "bash", "shell") or (block.language == "console" and line.startswith("$ ")):
                found += [Command(words, []) for words in words_of(line.removeprefix("$ "))]
            elif block.language == "console":
                found[-1].answer.append(line)
    return found


def inline_commands(page: Path, program: str) -> Iterator[list[str]]:
    """The words after a program in running text, where a command may leave out some options."""
    for line in re.findall(r"`([^`\n]+)`", prose(page.read_text(encoding="utf-8"))):
        if re.search(rf"\b{program}\s", line):
            yield from (words[1:] for words in words_of(line) if Path(words[0]).name == program)


def parse(words: list[str]) -> None:
    """Parse a command line of rcspike without running it; an error of click if it is wrong."""
    _commands().main(words, "rcspike", standalone_mode=False)


@cache
def _commands() -> Any:
    """All commands, which do nothing, and whose help is empty: writing it takes most of the time."""
    from typer.main import get_command

    from rcspike.cli import app

    def loaded(name: str) -> Any:
        return get_command(importlib.import_module(f"rcspike.cli.commands.{name}").app)

    def parse_alone(command: Any) -> None:
        command.callback, command.get_help = lambda **_: None, lambda _: ""
        for below in getattr(command, "commands", {}).values():
            parse_alone(below)

    group: Any = get_command(app)
    for option in group.params:
        if "completion" in option.name:  # which would write into the settings of the shell
            option.callback = None
    group.commands = {name: loaded(name) for name in group.commands}
    for command in group.commands.values():
        parse_alone(command)
    return group
