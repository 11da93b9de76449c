"""README and documentation: their Python code runs, and their links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from needs import COMPILER, compiler
from pages import DOCS, PAGES, ROOT, Block, blocks, inline_commands, name_of, parse, prose

import rcspike


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


INLINE = [
    pytest.param(words, id=f"{name_of(page)}: {' '.join(words)}")
    for page in PAGES
    for words in inline_commands(page, "rcspike")
]


@pytest.mark.parametrize("words", INLINE)
def test_the_command_line_parses_every_command_in_running_text(words: list[str]) -> None:
    """Those in blocks are started, by tests/test_documented_commands.py."""
    pytest.importorskip("typer")
    parse([*words, "--help"])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_presets_that_running_text_names_are_there(page: Path) -> None:
    presets = {preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())["workflowPresets"]}
    for words in inline_commands(page, "cmake"):
        assert presets.issuperset(words[words.index("--preset") + 1 :] if "--workflow" in words else [])


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
