"""The class of all figures. It imports matplotlib: import this file inside functions."""

from __future__ import annotations

from io import BytesIO

from matplotlib import figure

__all__ = ["Figure"]

_DENSITY, _SCALE = 96, 2  # pixels of a page per inch, and of the picture per pixel of the page


class Figure(figure.Figure):
    """A figure that notebooks show as the last value of a cell.

    matplotlib shows only figures of pyplot there, once pyplot or ``%matplotlib inline`` has configured IPython
    (github.com/matplotlib/matplotlib/pull/17891). seaborn's plots have the same method.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        stream = BytesIO()
        self.savefig(stream, format="png", dpi=_DENSITY * _SCALE)
        width, height = self.get_size_inches()
        return stream.getvalue(), {"width": round(_DENSITY * width), "height": round(_DENSITY * height)}
