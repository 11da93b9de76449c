"""A page as a browser renders it, and what it says of its parts."""

from __future__ import annotations

import json
import re
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

from needs import BROWSER

__all__ = ["shown"]

MEASURE = """<script>addEventListener("load", () => {
  const [page, images] = [document.documentElement, [...document.images]];
  document.title = JSON.stringify({
    width: innerWidth,
    images: images.map((image) => [image.naturalWidth, image.clientWidth, image.clientHeight]),
    rows: [...document.querySelectorAll("tr")].filter((row) => row.checkVisibility()).length,
    overflow: page.scrollWidth - page.clientWidth,
    colours: [getComputedStyle(document.body), ...images.map(getComputedStyle)].map((style) => style.backgroundColor),
    hidden: [...document.querySelectorAll(".wide")].map((box) => box.scrollWidth - box.clientWidth).filter((w) => w),
  });
})</script>"""


def shown(page: Path, tmp_path: Path, width: int, *options: str) -> dict[str, Any]:
    """A page as a browser renders it; to be asked, its copy gets a script that the page itself forbids.

    It is in a frame, because a window of Chromium has at least 500 pixels.
    """
    text = page.read_text(encoding="utf-8").replace("style-src", "script-src 'unsafe-inline'; style-src")
    inside = escape(text.replace("</body>", f"{MEASURE}</body>"))
    frame = f'<iframe style="border: 0; width: {width}px; height: 900px" srcdoc="{inside}"></iframe>'
    ask = "<script>onload = () => { document.title = frames[0].document.title }</script>"
    (tmp_path / "asked.html").write_text(f"<title></title>{frame}{ask}", encoding="utf-8")
    words = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", f"--window-size={width + 100},1000"),
        *options,
        *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "asked.html").as_uri()),
    ]
    result = subprocess.run([str(BROWSER), *words], capture_output=True, text=True, check=True, timeout=120)
    title = re.search(r"<title>(.*?)</title>", result.stdout, re.DOTALL)
    assert title is not None
    answer = json.loads(unescape(title[1]))
    assert isinstance(answer, dict)
    assert answer["width"] == width
    return answer
