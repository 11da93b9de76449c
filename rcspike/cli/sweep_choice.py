"""The choice from a sweep in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rcspike.datasets import data_name
from rcspike.experiments import Row, binomial_error, economic_choice, parameter_names

__all__ = ["choice_lines"]


def choice_lines(rows: Sequence[Row]) -> Iterator[str]:
    """For each data set with several networks: which of them to take, and how sure that is."""
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        own = [row for row in rows if (row["dataset"], row["model"]) == (dataset, "rc-spike")]
        choice = economic_choice(own)
        if choice is None:
            continue
        names = [name for name in parameter_names(own) if name != "offset_mv"]
        named = [name for name in names if len({row.get(name) for row in own}) > 1]

        def words(row: Row, named: Sequence[str] = named) -> str:
            return ", ".join(f"{'V_syn' if name == 'v_syn' else name} = {_text(row[name])}" for name in named)

        best, mean = choice.best, f"{choice.measure}_mean"
        of_best = f"{words(best)} with {best[mean]:.2f} %"
        if choice.chosen is None:
            others = "; ".join(words(row) for row in choice.alike if row is not best) or "no other"
            found = f"best {of_best}; within one standard error {others}; --hold gives energies"
        else:
            energy, accuracy = choice.chosen["energy_pj_mean"], choice.chosen[mean]
            found = (
                f"lowest energy within one standard error: {words(choice.chosen)}, {accuracy:.2f} %, {energy:.1f} pJ"
            )
            found += "" if choice.chosen is best else f" (best: {of_best}, {best['energy_pj_mean']:.1f} pJ)"
        yield f"{data_name(dataset)}: {found}"
        n, errors = best["n"], []
        if n > 1:
            errors.append(f"{choice.error:.2f} % over {n} seeds")
        if best.get("test_samples"):
            errors.append(f"{binomial_error(best):.2f} % for another {best['test_samples']:,} test samples (binomial)")
        by = f"{choice.measure} accuracy" + (
            "" if choice.measure == "validation" else "; --validation spares the test samples"
        )
        yield f"  standard errors {' and '.join(errors) or 'not known'}; chosen by {by}"


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
