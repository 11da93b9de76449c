"""How fast the interactive page is, in headless Chromium: first picture, from a slider to a new one, and training.

    cmake --workflow --preset web && python docs/playground/build.py
    python bench/interactive_page.py

The file is opened from disk. A slider is moved in the page, and its picture counts as new when the page has drawn it
and the browser has had a frame to show it.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from chromium import Tab, chromium
from playground import PAGE, open_page, update

from rcspike import Circuit, Network

_LOADS, _MOVES, _EPOCHS = 9, 21, 10
_MOVE = """(async () => {
  const s = document.getElementById("slider-v"), e = document.documentElement, before = e.dataset.pictures;
  const began = performance.now();
  s.value = Number(s.value) + %d * Number(s.step);
  s.dispatchEvent(new Event("input"));
  while (e.dataset.pictures === before) await new Promise(requestAnimationFrame);
  return performance.now() - began;
})()"""
# Since the start of the navigation. A page reads its clock in the frame after the one of its first picture.
_FIRST = "new Promise(requestAnimationFrame).then(() => performance.now())"

_TRAIN = """(async () => {
  const said = () => parseInt(document.getElementById("learning-said").textContent.match(/After (\\d+)/)?.[1] ?? 0);
  const found = [];
  document.getElementById("train").click();
  for (let at = performance.now(), n = 0; n < %d;) {
    await new Promise(requestAnimationFrame);
    if (said() === n) continue;
    found.push((performance.now() - at) / (said() - n));
    at = performance.now();
    n = said();
  }
  return found;
})()"""


def show(what: str, values: list[float], unit: str) -> None:
    print(f"{what:<50} {statistics.median(values):.3g} {unit} ({min(values):.3g} to {max(values):.3g})")


def moves(tab: Tab) -> list[float]:
    return [tab.run(_MOVE % (1 if k % 2 else -1)) for k in range(_MOVES)]


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    print(f"{'everything together, compressed by gzip':<50} {len(gzip.compress(PAGE.read_bytes(), 9)) / 1000:.0f} kB")
    with tempfile.TemporaryDirectory() as name, chromium(Path(name)) as tab:
        tab.size(1400)
        firsts = []
        for _ in range(_LOADS):
            tab.open(PAGE.as_uri())
            firsts.append(
                tab.run(f"""(async () => {{
              while (!document.documentElement.dataset.pictures) await new Promise(requestAnimationFrame);
              return await {_FIRST};
            }})()""")
            )
        show("from the start of loading to the first picture", firsts, "ms")
        open_page(tab)
        show("from a slider to the new picture, 64-50-10", moves(tab), "ms")
        model = Path(name) / "large.safetensors"
        Network.create([784, 200, 200, 10], Circuit(), seed=0).save(model)
        tab.choose_file("document.getElementById('load')", model)
        tab.wait("document.getElementById('layer').options.length === 3")
        show("the same, 784-200-200-10", moves(tab), "ms")
        open_page(tab)
        update(tab, "document.getElementById('forget').click()")
        times = tab.run(_TRAIN % _EPOCHS)
        show("an epoch of 1,437 digits, 64-50-10", times, "ms")


if __name__ == "__main__":
    main()
