"""Small HTML tables, as which notebooks show objects."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["html_table"]


def html_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], note: str = "") -> str:
    """A title, a table and a note below it; all texts are escaped.

    Examples
    --------
    >>> html_table("Network", ["layer"], [[1]])
    '<div><b>Network</b><table><thead><tr><th>layer</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table></div>'
    """
    from html import escape  # a table of 2,000 entities, which only notebooks need

    first = "".join(f"<th>{escape(name)}</th>" for name in head)
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    below = f"<div>{escape(note)}</div>" if note else ""
    return (
        f"<div><b>{escape(title)}</b><table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>{below}</div>"
    )
