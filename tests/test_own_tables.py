"""Tables with words, gaps, dates, decimal commas and row numbers: as files, as data frames, and for new samples."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from rcspike.datasets import Dataset, Inputs, Scaling, load

RNG = np.random.default_rng(5)
CLASSES = ["good", "bad"] * 20
HUES = ["red", "blue", "green", "blue"] * 10
SIZES = ["small", "large", "medium", "small", "large"] * 8
LENGTHS = RNG.normal(10, 3, 40).round(2).tolist()
COLUMNS: dict[str, list[Any]] = {"length": LENGTHS, "hue": HUES, "size": SIZES, "class": CLASSES}
WORDS = "onehot=hue,ordered=size:small:medium:large"


def written(path: Path, columns: dict[str, list[Any]], *, separator: str = ",", comma: bool = False) -> Path:
    """A CSV file with these columns; None is an empty cell."""

    def text(cell: Any) -> str:
        return "" if cell is None else str(cell).replace(".", "," if comma and isinstance(cell, float) else ".")

    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter=separator)
        rows.writerow(columns)
        rows.writerows(map(text, row) for row in zip(*columns.values(), strict=True))
    return path


def with_gaps(values: list[Any], every: int = 7) -> list[Any]:
    return [None if i % every == 2 else value for i, value in enumerate(values)]


# Words


def test_words_become_columns_of_0_and_1_and_ordered_ones_their_position(tmp_path: Path) -> None:
    data = load(f"{written(tmp_path / 'a.csv', COLUMNS)},{WORDS},scaling=range,complement=no")
    assert data.columns == ("length", "hue=blue", "hue=green", "hue=red", "size")
    hot = OneHotEncoder(sparse_output=False).fit_transform(np.array(HUES)[:, None])
    size = np.array([["small", "medium", "large"].index(word) for word in SIZES])
    x = np.column_stack([LENGTHS, hot, size])
    expected = Dataset.from_arrays(x, CLASSES, scaling="range", complement=False)
    np.testing.assert_array_equal(data.train.images, expected.train.images)
    np.testing.assert_array_equal(data.test.images, expected.test.images)


def test_columns_without_names_are_called_by_their_positions(tmp_path: Path) -> None:
    named = load(f"{written(tmp_path / 'a.csv', COLUMNS)},drop=size,onehot=hue")
    bare = tmp_path / "bare.csv"
    bare.write_text((tmp_path / "a.csv").read_text().partition("\n")[2])
    found = load(f"{bare},drop=2,onehot=1")
    assert found.columns == ("0", "1=blue", "1=green", "1=red")
    np.testing.assert_array_equal(found.train.images, named.train.images)
    (tmp_path / "new.csv").write_text("9.5,green,small\n")
    of_names = written(tmp_path / "named.csv", {"hue": ["green"], "length": [9.5]})
    times = Inputs.of(found).read(tmp_path / "new.csv")[1]
    np.testing.assert_array_equal(times, Inputs.of(named).read(of_names)[1])


def test_an_error_lists_all_columns_and_writes_the_options_with_which_the_table_is_read(tmp_path: Path) -> None:
    columns = {
        "day": [f"2024-03-{1 + i % 28:02d}" for i in range(40)],
        "time": [f"{i % 24}:30" for i in range(40)],
        "length": with_gaps(LENGTHS),
        "hue": HUES,
        "empty": [None] * 40,
        "note": [f"part {i}" for i in range(40)],
        "class": CLASSES,
    }
    file = written(tmp_path / "a.csv", columns)
    with pytest.raises(ValueError, match="6 of its columns") as error:
        load(str(file))
    said = str(error.value)
    for part in (
        "'day' has dates or times ('2024-03-01' in line 2",
        "'time' has dates or times ('0:30' in line 2",
        "'length' lacks 6 values (first in line 4",
        "'hue' has words, 3 different ones ('red' in line 2",
        "'empty' has no value in any row",
    ):
        assert part in said
    way = said.rpartition("write ")[2]
    assert {"drop=day", "missing=median"} <= {*way.split(",")}
    assert load(way).columns[0] == "length"


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"hue": with_gaps(HUES)}, "onehot=hue", r"'hue' lacks 6 values \(first in line 4"),
        ({"hue": HUES}, "ordered=hue:red:blue", r"'hue' has 'green' in line 4, which is not among red:blue"),
        ({"day": ["1.2.2024"] * 40}, "onehot=day", "'day' has dates"),
        ({"hue": HUES}, "onehot=hues", "no column 'hues' to make 0 and 1 of"),
        ({"hue": HUES}, "drop=1,hue,class", "no column that is not dropped|no column of features"),
        ({"hue": HUES}, "onehot=hue,ordered=hue:red:blue:green", "'hue' has two options"),
        ({"x": [1.5] * 39 + ["<0.1"]}, "", r"'x' has 1 cell that is no finite number \('<0.1' in line 41; correct"),
        ({"x": [1.5] * 39 + ["inf"]}, "", "'inf' in line 41"),
        ({"x": ["1,5"] * 40}, "decimal=point", r"'x' has decimal commas.*decimal=comma"),
        ({"x": [1.0] * 40}, "ordered=x", "ordered must be a column and its words"),
        ({"x": [1.0] * 40}, "missing=zero", "missing must be one of error, median, mean, drop"),
        ({"x": [1.0] * 40}, "resize=3x3", "is a table, for which there is no option resize"),
    ],
)
def test_columns_that_do_not_fit_their_options_are_named(
    tmp_path: Path, columns: dict[str, list[Any]], options: str, message: str
) -> None:
    file = written(tmp_path / "a.csv", {"length": LENGTHS, **columns, "class": CLASSES})
    with pytest.raises(ValueError, match=f"(?s){message}"):
        load(f"{file},{options}" if options else str(file))


# Gaps

GAPS = st.lists(st.tuples(*3 * [st.sampled_from([0.0, 0.5, 1.0, 7.0, np.nan])]), min_size=3, max_size=20)


@given(GAPS, st.sampled_from(["median", "mean"]), st.sampled_from(["range", "standard", "quantile"]))
def test_a_scaling_fills_gaps_as_an_imputer_before_it(rows: list[tuple[float, ...]], missing: Any, name: Any) -> None:
    x = np.array([*rows, (0.0, 1.0, 2.0)])
    scaling = Scaling.fit(x, name, missing=missing)
    filled = SimpleImputer(strategy=missing).fit_transform(x)
    expected = Scaling.fit(filled, name).apply(filled)
    np.testing.assert_array_equal(scaling.apply(x), expected)
    np.testing.assert_array_equal(Scaling.from_header(scaling.header()).apply(x), expected)


def test_the_filling_knows_the_training_rows_alone(tmp_path: Path) -> None:
    x, test = np.array([[1.0, 5.0], [2.0, np.nan], [3.0, 7.0], [6.0, 9.0]]), np.array([[np.nan, np.nan], [99.0, 99.0]])
    y = np.array(["a", "b", "a", "b"])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=test, y_test=y[:2])
    data = load(f"{tmp_path / 'a.npz'},missing=median,scaling=range,complement=no")
    assert data.scaling is not None and data.scaling.fill is not None
    assert data.scaling.fill.tolist() == [2.5, 7.0]
    np.testing.assert_allclose(data.test.images[0, :2], [(2.5 - 1) / (6 - 1), (7 - 5) / (9 - 5)], atol=1e-7)


def test_rows_with_gaps_are_left_out_of_training_test_and_new_samples(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", {"length": with_gaps(LENGTHS), "hue": HUES, "class": CLASSES})
    data = load(f"{file},missing=drop,onehot=hue")
    assert len(data.train.labels) + len(data.test.labels) == 34
    names, times = Inputs.of(data).read(file)
    assert names == [str(i) for i in range(40) if i % 7 != 2] and len(times) == 34


def test_a_gap_of_new_samples_that_no_training_filled_is_named(tmp_path: Path) -> None:
    data = load(f"{written(tmp_path / 'a.csv', COLUMNS)},{WORDS}")
    new = written(tmp_path / "new.csv", {"length": [9.5, None], "hue": ["red", "red"], "size": ["small", "small"]})
    with pytest.raises(ValueError, match=r"new.csv, line 3: no value for the feature 'length'.*missing=median"):
        Inputs.of(data).read(new)
    new = written(tmp_path / "new.csv", {"length": [9.5, 9.5], "hue": ["red", "pink"], "size": ["small", "small"]})
    with pytest.raises(ValueError, match=r"new.csv, line 3: 'pink' in column 'hue' must be one of .*blue, green, red"):
        Inputs.of(data).read(new)


def test_only_how_a_file_is_written_can_be_said_of_new_samples(tmp_path: Path) -> None:
    inputs = Inputs.of(load(f"{written(tmp_path / 'a.csv', COLUMNS)},{WORDS}"))
    new = written(tmp_path / "new.csv", COLUMNS, separator="\t", comma=True)
    np.testing.assert_array_equal(inputs.read(f"{new},decimal=comma")[1], inputs.read(tmp_path / "a.csv")[1])
    with pytest.raises(ValueError, match=r"new\.csv is read as the data of the training, .* no option missing"):
        inputs.read(f"{new},missing=mean")


def test_a_network_of_an_archive_is_tested_on_a_table(tmp_path: Path) -> None:
    x = np.column_stack([LENGTHS, LENGTHS[::-1]])
    np.savez(tmp_path / "a.npz", lengths=x, quality=CLASSES)
    data = load(f"{tmp_path / 'a.npz'},x=lengths,y=quality,window=2")
    table = written(tmp_path / "b.csv", {"a": LENGTHS, "b": LENGTHS[::-1], "class": CLASSES})
    np.testing.assert_array_equal(load(str(table), inputs=Inputs.of(data)).test.images, data.test.images)


# Decimal commas


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=4, max_size=12))
def test_decimal_commas_are_found_between_semicolons(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    folder, labels = tmp_path_factory.mktemp("commas"), [f"c{i % 2}" for i in range(len(rows))]
    a, b = zip(*rows, strict=True)
    columns = {"a": [0.5, *a], "b": [0.25, *b], "kind": ["c0", *labels]}
    german = load(f"{written(folder / 'a.csv', columns, separator=';', comma=True)},test=0.3")
    english = load(f"{written(folder / 'b.csv', columns)},test=0.3")
    np.testing.assert_array_equal(german.train.images, english.train.images)


def test_a_decimal_is_chosen_for_other_separators_and_never_guessed(tmp_path: Path) -> None:
    columns = {"length": LENGTHS, "other": LENGTHS[::-1], "class": CLASSES}
    expected = load(str(written(tmp_path / "a.csv", columns))).train.images
    for separator in "\t,":
        file = written(tmp_path / "b.csv", columns, separator=separator, comma=True)
        np.testing.assert_array_equal(load(f"{file},decimal=comma").train.images, expected)
        with pytest.raises(ValueError, match=r"(?s)decimal commas.*write .*decimal=comma"):
            load(str(file))
    np.testing.assert_array_equal(load(str(written(tmp_path / "c.csv", columns, separator=";"))).train.images, expected)
    mixed = written(tmp_path / "d.csv", columns | {"other": ["1.234"] * 20 + ["0,5"] * 20}, separator=";", comma=False)
    with pytest.raises(ValueError, match="with a comma, such as '0,5' in line 22, and with a point"):
        load(str(mixed))
    with pytest.raises(ValueError, match="no finite number"):
        load(
            f"{written(tmp_path / 'e.csv', columns | {'other': ['1,5'] * 39 + ['1.500,0']}, separator=';')},drop=length"
        )


def test_a_first_row_of_decimal_commas_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("".join(f"{i},5;{i % 3},25;{'ab'[i % 2]}\n" for i in range(12)))
    data = load(f"{tmp_path / 'a.csv'},test=0.5")
    assert (data.columns, len(data.train.labels) + len(data.test.labels)) == ((), 12)


# Row numbers


@pytest.mark.parametrize("numbers", [list(range(40)), list(range(1, 41)), RNG.permutation(40).tolist()])
@pytest.mark.parametrize("name", ["", "Unnamed: 0", "id"])
def test_columns_that_count_the_rows_or_have_no_name_are_warned_of_and_kept(
    tmp_path: Path, name: str, numbers: list[int]
) -> None:
    file = written(tmp_path / "a.csv", {name: numbers, "length": LENGTHS, "class": CLASSES})
    known = name or "unnamed-0"
    with pytest.warns(UserWarning, match=f"column '{known}' counts the rows from {min(numbers)} to .*drop={known}"):
        assert load(str(file)).columns == (known, "length")
    for word in (known, "0"):
        assert load(f"{file},drop={word}").columns == ("length",)


def test_a_column_without_a_name_is_warned_of(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", {"": LENGTHS, "length": LENGTHS, "class": CLASSES})
    with pytest.warns(UserWarning, match="'unnamed-0' has no name"):
        load(str(file))


# What a network keeps of its table


@given(
    words=st.lists(st.sampled_from(["red", "blue", "a=b", "ä ö"]), min_size=12, max_size=12),
    gaps=st.sets(st.integers(0, 11), max_size=5),
    missing=st.sampled_from(["median", "mean", "drop"]),
    order=st.permutations(["number", "word", "size", "unused"]),
)
def test_new_samples_have_the_inputs_that_they_have_in_the_training(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], gaps: set[int], missing: str, order: list[str]
) -> None:
    """Through inputs.json, with the columns in another order, without classes, and with decimal commas."""
    folder = tmp_path_factory.mktemp("kept")
    columns: dict[str, list[Any]] = {
        "number": [None if i in gaps else 1.5 * i for i in range(12)],
        "word": words,
        "size": ["small", "large"] * 6,
        "unused": ["x"] * 12,
    }
    labels = ["p", "p", "q", "q"] * 3
    named = f"drop=unused,onehot=word,ordered=size:small:large,missing={missing},test=0.4"
    try:
        data = load(f"{written(folder / 'a.csv', columns | {'class': labels})},{named}")
    except ValueError as error:  # of the few rows that are left
        assert "class" in str(error) or "leaves no test sample" in str(error)
        return
    Inputs.of(data).save(folder / "inputs.json")
    inputs = Inputs.load(folder / "inputs.json")
    new = written(folder / "new.csv", {name: columns[name] for name in order}, separator=";", comma=True)
    names, times = inputs.read(new)
    known = {row.tobytes() for split in (data.train, data.test) for row in split.times}
    assert {row.tobytes() for row in times} == known
    assert names == [str(i) for i in range(12) if missing != "drop" or i not in gaps]
    assert inputs.table == data.table
    again = load(str(written(folder / "b.csv", columns | {"class": labels})) + ",test=0.4", inputs=inputs)
    np.testing.assert_array_equal(again.test.times, data.test.times)


def test_a_description_of_columns_that_cannot_be_one_is_rejected(tmp_path: Path) -> None:
    inputs = Inputs.of(load(f"{written(tmp_path / 'a.csv', COLUMNS)},{WORDS}"))
    for old, new in (
        ('"position": 0', '"position": -1'),
        ('"position": 0', '"position": 1'),
        ('"ordered": true', '"ordered": 1'),
        ('"words": ["blue", "green", "red"]', '"words": ["blue", "green"]'),
        ('"options": {}', '"options": {"resize": "large"}'),
        ('"options": {}', '"options": {"seed": 3}'),
    ):
        assert old in inputs.text
        (tmp_path / "inputs.json").write_text(inputs.text.replace(old, new))
        with pytest.raises(ValueError, match=r"inputs.json does not describe the inputs"):
            Inputs.load(tmp_path / "inputs.json")


# Data frames and Parquet


def frames() -> list[Any]:
    found: list[Any] = [pd.DataFrame(COLUMNS), pd.DataFrame(COLUMNS).astype({"hue": "category", "size": "string"})]
    for name, make in (("polars", "DataFrame"), ("pyarrow", "table")):
        try:
            library = __import__(name)
        except ImportError:
            continue
        found.append(getattr(library, make)(COLUMNS))
    return found


@pytest.mark.parametrize("frame", frames(), ids=lambda frame: type(frame).__module__.partition(".")[0])
def test_a_data_frame_is_the_data_set_of_its_csv_file(tmp_path: Path, frame: Any) -> None:
    data = Dataset.from_table(frame, onehot=["hue"], ordered={"size": ["small", "medium", "large"]}, seed=3)
    expected = load(f"{written(tmp_path / 'a.csv', COLUMNS)},{WORDS},seed=3")
    np.testing.assert_array_equal(data.train.images, expected.train.images)
    assert (data.columns, data.classes, data.table) == (expected.columns, expected.classes, expected.table)
    np.testing.assert_array_equal(Inputs.of(data).read(frame)[1], Inputs.of(expected).read(tmp_path / "a.csv")[1])


def test_gaps_flags_and_times_of_a_data_frame() -> None:
    frame = pd.DataFrame({"length": with_gaps(LENGTHS), "flag": [True, False] * 20, "class": CLASSES})
    data = Dataset.from_table(frame.convert_dtypes(), missing="median", scaling="range", complement=False)
    assert set(data.train.images[:, 1].tolist()) == {0, 1}
    assert data.scaling is not None and data.scaling.fill is not None
    with pytest.raises(
        ValueError, match=r"(?s)the table: .*'length' lacks 6 values \(first in row 2.*give the options missing=median"
    ):
        Dataset.from_table(frame)
    frame["day"] = pd.date_range("2024-01-01", periods=40)
    with pytest.raises(ValueError, match=r"(?s)'day' has dates or times \('2024-01-01.*drop=day"):
        Dataset.from_table(frame[["length", "day", "class"]], label="class")
    with pytest.raises(TypeError, match="must be one of pandas, polars or Arrow, got list"):
        Dataset.from_table([[1, 2]])
    held = Dataset.from_table(frame[["length", "class"]], missing="mean", test=frame[["class", "length"]])
    assert len(held.test.labels) == 40


def test_a_parquet_file_is_read_as_its_csv_file(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame(COLUMNS).to_parquet(tmp_path / "a.parquet")
    data = load(f"{tmp_path / 'a.parquet'},{WORDS}")
    expected = load(f"{written(tmp_path / 'a.csv', COLUMNS)},{WORDS}")
    np.testing.assert_array_equal(data.train.images, expected.train.images)
    np.testing.assert_array_equal(
        Inputs.of(data).read(tmp_path / "a.parquet")[1], Inputs.of(data).read(tmp_path / "a.csv")[1]
    )
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:99])
    with pytest.raises(ValueError, match=r"b.parquet is not a Parquet file"):
        load(str(tmp_path / "b.parquet"))
