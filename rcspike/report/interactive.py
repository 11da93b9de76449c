"""The interactive page with a model and images of a user, as a part of a report."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rcspike._common.readers import read_bytes

__all__ = ["InteractivePage", "interactive_page"]

_LEVEL = 16  # of the page's pixels: a bright one
_OWN = '<script type="application/json" id="own">null</script>'


@dataclass(frozen=True)
class InteractivePage:
    """A document for a frame, and the digest of its script for a content security policy.

    Examples
    --------
    >>> InteractivePage("<html></html>", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").html
    '<html></html>'
    """

    html: str
    script_sha256: str


def interactive_page(
    page: str | os.PathLike[str],
    model: str | os.PathLike[str],
    times: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    title: str,
) -> InteractivePage:
    """The page with a model file, which it shows first, and with samples to look at.

    Parameters
    ----------
    page : path
        The file of the page, which ``docs/playground/build.py`` writes.
    model : path
        File of a network in float32, of any inputs but maps of several channels.
    times : (n, n_in)
        Spike times of the images to look at, in T.
    labels : (n,)
        Their classes.
    title : str
        Name of the model in the page.

    Returns
    -------
    InteractivePage
        For `write_report`.

    Raises
    ------
    FileNotFoundError
        If there is no page, or no model.
    ValueError
        If the file is not the page, or the model is longer than 8 MiB.

    Examples
    --------
    >>> interactive_page("no.html", "model.safetensors", [[0.5]], [1], title="tiny")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'no.html'
    """
    text = read_bytes(Path(page)).decode("utf-8", "replace")
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    if text.count(_OWN) != 1 or script is None:
        raise ValueError(
            f"{page} is not the interactive page of this version: build it with Emscripten (docs/playground.md)"
        )
    own = {
        "title": title,
        "file": base64.b64encode(read_bytes(Path(model))).decode(),
        "labels": np.asarray(labels).tolist(),
        # Pixels that never spike are black. The page finds the same times, since nothing is rounded here.
        "images": (_LEVEL * np.maximum(1 - np.asarray(times, np.float64), 0)).tolist(),
    }
    data = json.dumps(own, separators=(",", ":")).replace("<", "\\u003c")
    text = text.replace(_OWN, _OWN.replace("null", data))
    # Links to parts of its own state mean this document, and not the file that it is embedded in.
    text = text.replace("<head>", '<head><base href="about:srcdoc">', 1)
    return InteractivePage(text, base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode())
