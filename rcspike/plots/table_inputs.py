"""Names of the inputs that a table becomes."""

from __future__ import annotations

from rcspike.datasets import Dataset

__all__ = ["input_names"]


def input_names(dataset: Dataset) -> list[str]:
    """Names of the inputs of a table whose columns have names, in the order of `rcspike.datasets.Scaling`; else none.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
    >>> input_names(Dataset.from_arrays(x, y, columns=["weight"]))
    ['weight', '1 − weight', 'always on']
    """
    columns, scaling = list(dataset.columns), dataset.scaling
    if not columns or scaling is None:
        return []
    complements = [f"1 − {name}" for name in columns] if scaling.complement else []
    return [*columns, *complements, *(["always on"] if scaling.always_on else [])]
