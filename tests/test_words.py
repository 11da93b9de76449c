"""Words that readers of version 0.1 stumbled over, and the plain ones to use instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("rcspike", "src", "docs", "tests", "bench", "examples")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
SUFFIXES = {".py", ".pyi", ".pyx", ".pxd", ".h", ".cpp", ".md", ".html", ".toml", ".txt"}

# A pattern within words of text and names, where '_' counts as a space; and the words to use instead.
WORDS = {
    r"refus\w*": "reject; raise an error; validate",
    r"anew|afresh": "again; redrawn",
    r"shares? of": "fraction of; part of",
    r"besides?": "compared with; next to; also",
    r"(go|goes|going|went|gone) on": "resume; continue",
    r"told|tells?": "passed to; reports",
    r"whole or not at all": "atomically",
    r"of ours": "rcspike's; by name",
    r"bent|bends?|bending": "nonlinear; curvature",
    r"ways? (back|forth)": "backward pass; forward pass",
    r"meanwhile": "extra tasks; concurrently",
    r"(there |where )?(is|are) no (?!longer|more|less)\w+": "is not a ...",
    r"(takes?|makes?) no": "does not take; does not ...",
}
# Hits of another meaning: the file, the line around the word, and the meaning.
ALLOWED = [
    (file, r"\bbend\b", "parameter of the effect `ramp`, also in device files of 0.1")
    for file in (
        "rcspike/nonideal/neurons.py",
        "docs/devices.md",
        "tests/test_chips.py",
        "tests/test_nonideal.py",
        "tests/test_protocol.py",
    )
]
ALLOWED.append(("rcspike/datasets/idx.py", r"self\.tell\(\)", "method of a stream"))
PATTERN = re.compile(rf"(?<![^\W_])({'|'.join(WORDS)})(?![^\W_])".replace(" ", r"[\s_]+"), re.IGNORECASE)


def files() -> list[Path]:
    found = [
        file
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*"))
        if file.suffix in SUFFIXES and "corpus" not in file.parts and file != Path(__file__)
    ]
    return [*found, *(ROOT / page for page in PAGES)]


def hits(text: str) -> list[tuple[int, str]]:
    """(line, word) of each word to avoid, also where a line ends within it."""
    joined = re.sub(r"\n[ #/*>]*", lambda gap: "\n" + " " * (len(gap[0]) - 1), text)
    found = []
    for hit in PATTERN.finditer(joined):
        if not hit[0].lower().startswith(("there", "where")):  # "there is no spike" is plain
            found.append((text.count("\n", 0, hit.start()) + 1, " ".join(hit[0].split())))
    return found


def allowed(file: Path, line: str) -> bool:
    name = file.relative_to(ROOT).as_posix()
    return any(name == where and re.search(context, line) for where, context, _ in ALLOWED)


def instead(word: str) -> str:
    plain = word.replace("_", " ")
    return next(better for pattern, better in WORDS.items() if re.fullmatch(pattern, plain, re.IGNORECASE))


@pytest.mark.parametrize("folder", [*FOLDERS, "pages"])
def test_words_are_plain(folder: str) -> None:
    found = []
    for file in files():
        if (file.relative_to(ROOT).parts[0] if file.parent != ROOT else "pages") != folder:
            continue
        text = file.read_text(encoding="utf-8")
        lines = text.splitlines()
        for number, word in hits(text):
            if not allowed(file, lines[number - 1]):
                found.append(f"{file.relative_to(ROOT)}:{number}: {word!r}: say {instead(word)}")
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is refused.", [(1, "refused")]),
        ("def test_it_goes_on() -> None:", [(1, "goes_on")]),
        ("first\n    # the run goes\n    # on here", [(2, "goes on")]),
        ("a_way_back", [(1, "way_back")]),
        ("unbent, retold, sidebeside, a tellurium share", []),
    ],
)
def test_the_words_are_really_found(text: str, expected: list[tuple[int, str]]) -> None:
    assert hits(text) == expected


def test_every_word_has_a_replacement() -> None:
    for text in ("refused", "anew", "share_of", "goes on", "told", "bent", "is no circuit", "takes no"):
        assert instead(text)
