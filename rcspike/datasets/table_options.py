"""What a user says about the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rcspike.datasets.feature_scaling import MissingName
from rcspike.datasets.table_cells import DecimalName


@dataclass(frozen=True)
class TableOptions:
    """What a user says about the columns of a table; columns have names or positions."""

    label: str | None = None
    drop: Sequence[str] = ()
    onehot: Sequence[str] = ()
    ordered: Mapping[str, Sequence[str]] = field(default_factory=dict)
    missing: MissingName = "error"
    decimal: DecimalName | None = None

    @property
    def text(self) -> str:
        """All of it as it follows a path."""
        lists = {
            "drop": self.drop,
            "onehot": self.onehot,
            "ordered": [":".join([n, *w]) for n, w in self.ordered.items()],
        }
        label = [] if self.label is None else [f"label={self.label}"]
        rest = [] if self.missing == "error" else [f"missing={self.missing}"]
        rest += [] if self.decimal is None else [f"decimal={self.decimal}"]
        return ",".join([*label, *(f"{name}={','.join(some)}" for name, some in lists.items() if some), *rest])

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that it names, but for the label."""
        return (*self.drop, *self.onehot, *self.ordered)
