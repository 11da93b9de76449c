"""README and documentation: their Python code runs, their commands parse, and their links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from needs import COMPILER, compiler

import rcspike

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


class Block(NamedTuple):
    """Fenced code and the line that it starts on, counted from 0."""

    language: str
    code: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    for found in re.finditer(r"^```([^\n`]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(found[1].strip(), found[2], text.count("\n", 0, found.start(2)))


def prose(text: str) -> str:
    """A page without its fenced code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def python_of(page: Path) -> list[Block]:
    return [block for block in blocks(page.read_text(encoding="utf-8")) if block.language in ("python", "pycon")]


TUTORIALS = [
    pytest.param(page, marks=[pytest.mark.torch] * (page.name == "pytorch.md")) for page in PAGES if python_of(page)
]


@pytest.mark.parametrize("page", TUTORIALS, ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("reaches for the network"))
    names: dict[str, Any] = {}
    for block in python_of(page):
        if block.language == "python":
            exec(compile("\n" * block.line + block.code, str(page), "exec"), names)
        else:
            example = doctest.DocTestParser().get_doctest(block.code, names, page.name, str(page), block.line)
            said: list[str] = []
            outcome = doctest.DocTestRunner().run(example, out=said.append, clear_globs=False)
            names = example.globs  # a copy, with what the block defined
            assert outcome.failed == 0, "".join(said)


def words_of(line: str) -> Iterator[list[str]]:
    """The commands of a shell line, each as its words; variables become 0, comments and assignments fall away."""
    lexer = shlex.shlex(re.sub(r"\$\w+", "0", line), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|"):
            yield words
            words = []
        elif words or not re.match(r"\w+=", word):
            words.append(word)


def shell_lines(page: Path) -> Iterator[tuple[str, bool]]:
    """(shell line, whether it is complete): a command in running text may leave out some options."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(text):
        if block.language in ("sh", "bash", "shell", "console"):
            for line in block.code.replace("\\\n", " ").splitlines():
                yield line.removeprefix("$ "), True
    yield from ((line, True) for line in re.findall(r"^ {4}(.+)$", prose(text), re.MULTILINE))
    yield from ((line, False) for line in re.findall(r"`([^`\n]+)`", prose(text)))


def commands(program: str) -> list[Any]:
    """(words after the program, completeness) of each command in the pages that runs it."""
    found = []
    for page in PAGES:
        for line, complete in shell_lines(page):
            if re.search(rf"\b{program}\s", line):
                for words in words_of(line):
                    if words and Path(words[0]).name == program:
                        label = f"{name_of(page)}: {' '.join(words)}"
                        found.append(pytest.param(words[1:], complete, id=label))
    return found


@pytest.mark.parametrize(("words", "complete"), commands("rcspike"))
def test_the_command_line_parses_every_command_of_a_page(words: list[str], complete: bool) -> None:
    pytest.importorskip("typer")
    from typer.main import get_command

    from rcspike.cli import app

    def parse_alone(command: Any) -> None:
        """Parse a command without running it."""
        command.callback = lambda **_: None
        for below in getattr(command, "commands", {}).values():
            parse_alone(below)

    group: Any = get_command(app)
    for option in group.params:
        if "completion" in option.name:  # which would write into the settings of the shell
            option.callback = None
    for command in group.commands.values():
        parse_alone(command)
    group.main([*words] if complete else [*words, "--help"], "rcspike", standalone_mode=False)


@pytest.mark.parametrize(("words", "complete"), commands("python"))
def test_the_scripts_that_a_page_runs_are_there(words: list[str], complete: bool) -> None:
    for script in [word for word in words[:1] if word.endswith(".py")]:
        assert (ROOT / script).is_file()


@pytest.mark.parametrize(("words", "complete"), commands("cmake"))
def test_the_presets_that_a_page_names_are_there(words: list[str], complete: bool) -> None:
    presets = {preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())["workflowPresets"]}
    assert presets.issuperset(words[words.index("--preset") + 1 :] if "--workflow" in words else [])


def test_the_commands_are_really_found() -> None:
    found = [words for line, _ in shell_lines(DOCS / "results" / "index.md") for words in words_of(line)]
    assert ["rcspike", "sweep", "mnist"] in found
    assert list(words_of("A=1 rcspike info && rcspike eval $RUN digits  # both")) == [
        ["rcspike", "info"],
        ["rcspike", "eval", "0", "digits"],
    ]
    assert [".venv/bin/rcspike", "train", "--out", "runs/first"] in [
        words for line, _ in shell_lines(ROOT / "README.md") for words in words_of(line)
    ]


def anchors(page: Path) -> set[str]:
    """The names of a page's headings in links."""
    headings = re.findall(r"^#+ (.+)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.is_file(), f"{name_of(page)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{target.name} has no heading {anchor}"


MODULES = [
    pytest.param(f"rcspike.{module.name}", marks=[pytest.mark.torch] * (module.name == "torch"))
    for module in pkgutil.iter_modules(rcspike.__path__)
    if not module.name.startswith("_") and module.name != "cli"
]


@pytest.mark.parametrize("name", ["rcspike", *MODULES])
def test_every_public_name_is_in_the_reference(name: str) -> None:
    module = importlib.import_module(name)
    reference = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    if f"automodule:: {module.__name__}\n" in reference:
        return
    for name in module.__all__:
        described = getattr(module, name)
        what = "automodule" if isinstance(described, ModuleType) else "auto(class|function|data)"
        assert re.search(rf"({what}:: ([\w.]+\.)?|`rcspike\.){name}(\n|`)", reference), f"{module.__name__}.{name}"


def test_every_public_header_is_in_the_reference() -> None:
    reference = (DOCS / "reference" / "cpp.md").read_text(encoding="utf-8")
    for header in (ROOT / "src" / "cpp" / "include" / "rcspike").glob("*.h"):
        assert f"include/rcspike/{header.name}\n" in reference


@compiler
def test_the_cpp_of_the_reference_compiles(tmp_path: Path) -> None:
    text = (DOCS / "reference" / "cpp.md").read_text(encoding="utf-8")
    (code,) = [block.code for block in blocks(text) if block.language == "cpp"]
    (tmp_path / "page.cpp").write_text(code)
    include = ROOT / "src" / "cpp" / "include"
    flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{include}"]
    subprocess.run([str(COMPILER), *flags, str(tmp_path / "page.cpp")], cwd=tmp_path, check=True, timeout=300)


@pytest.mark.long
def test_the_pages_build_without_a_warning_and_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    for needed in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(needed)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(DOCS), str(tmp_path / "html")]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert (built.returncode, built.stderr) == (0, "")
    for page in (tmp_path / "html").rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*", page.read_text())
        assert not loaded, page.name
    assert "<math" in (tmp_path / "html" / "model.html").read_text()
