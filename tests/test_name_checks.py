"""Names that no figure or report can hold are rejected, wherever they come from."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rcspike.datasets import Dataset, Inputs, load

X = np.random.default_rng(17).normal(50, 10, (30, 3)).round(3)
Y = np.array(["low", "high", "mid"] * 10)


@pytest.mark.parametrize("name", ["a\x00b", "a\x1b[31mb", "a\nb", "a\x7fb", "a\x85b", "a\ud800b", "a\uffffb"])
def test_a_name_with_a_control_character_is_rejected(name: str) -> None:
    shown = re.escape(repr(name))
    data = Dataset.from_arrays(X, Y)
    with pytest.raises(ValueError, match=f"the class {shown} has the control character"):
        Dataset("a", data.train, data.test, (*data.classes[1:], name))
    with pytest.raises(ValueError, match=f"the column {shown} has the control character"):
        Dataset.from_arrays(X, Y, columns=("p", "q", name))
    with pytest.raises(ValueError, match=f"the data set {shown} has the control character"):
        Dataset.from_arrays(X, Y, name=name)
    with pytest.raises(ValueError, match=f"the class {shown}"):
        Inputs((5,), ("a", name))
    with pytest.raises(ValueError, match=f"the column {shown}"):
        Inputs((5,), ("a", "b"), columns=(name,))


@pytest.mark.parametrize("name", ["a\x01b", "a\nb", "a\x85b", "a\uffffb"])
def test_a_control_character_in_any_file_is_named_with_the_file(name: str, tmp_path: Path) -> None:
    shown = re.escape(repr(name))
    np.savez(tmp_path / "own.npz", x=X, y=np.where(Y == "low", name, Y))
    with pytest.raises(ValueError, match=rf"own\.npz.*the class {shown}"):
        load(str(tmp_path / "own.npz"))
    rows = [",".join(map(str, row)) for row in X.tolist()]
    for kind, header, low in (("class", "p,q,r,class", f'"{name}"'), ("column", f'p,"{name}",r,class', "low")):
        lines = [f"{row},{low if label == 'low' else label}" for row, label in zip(rows, Y, strict=True)]
        (tmp_path / "own.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
        with pytest.raises(ValueError, match=rf"own\.csv.*the {kind} {shown}"):
            load(str(tmp_path / "own.csv"))
    for folder in (name, "b"):
        (tmp_path / "images" / folder).mkdir(parents=True)
        for number in "01":
            Image.new("L", (2, 2)).save(tmp_path / "images" / folder / f"{number}.png")
    with pytest.raises(ValueError, match=f"images.*the class {shown}"):
        load(f"{tmp_path / 'images'},test=0.5")
    Inputs((5,), ("a", "b")).save(tmp_path / "inputs.json")
    text = (tmp_path / "inputs.json").read_text()
    (tmp_path / "inputs.json").write_text(text.replace('"a"', f'"a\\u{ord(name[1]):04x}b"'))
    with pytest.raises(ValueError, match=rf"inputs\.json.*the class {shown}"):
        Inputs.load(tmp_path / "inputs.json")
