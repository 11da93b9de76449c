"""The interactive page in a browser: as it was built, and how tests ask its engine."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from chromium import Tab

import rcspike

__all__ = ["PAGE", "bits", "encoded", "open_page", "run_in_page", "shipped_data", "update"]

PAGE = Path(__file__).parents[1] / "build" / "playground" / "circuit.html"

# Numbers travel as base64, so that they keep their bits.
_HELPERS = """
globalThis.bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
globalThis.floatsOf = (text) => new Float32Array(bytesOf(text).buffer);
globalThis.textOf = (array) => {
  let text = "";
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};
"""


def open_page(tab: Tab, fragment: str = "") -> None:
    """Open the page, and wait for its first picture."""
    tab.open(PAGE.as_uri() + fragment)
    tab.wait("document.documentElement.dataset.pictures")
    tab.run(_HELPERS)


def update(tab: Tab, action: str) -> None:
    """Run a script, and wait for the picture that follows from it."""
    before = tab.run("document.documentElement.dataset.pictures")
    tab.run(f"(() => {{ {action} }})()")
    tab.wait(f"document.documentElement.dataset.pictures !== {json.dumps(before)}")


def shipped_data(tab: Tab) -> dict[str, Any]:
    """What the page was built with, without the engine and the images."""
    found: dict[str, Any] = tab.run("({...rcspike.data, engine: null, digits: null})")
    return found


def encoded(content: bytes | np.ndarray[Any, Any]) -> str:
    """Bytes or an array as a literal of JavaScript."""
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    return json.dumps(base64.b64encode(raw).decode())


def bits(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), np.uint32)


def run_in_page(
    tab: Tab, network: rcspike.Network, times: np.ndarray[Any, Any], folder: Path, **conditions: float
) -> dict[str, Any]:
    """Read-out and layers of a batch of images, as arrays of their bits, the classes, and the energy of its parts."""
    path = folder / "asked.safetensors"
    network.save(path)
    ideal = {"noise": 0.0, "offset": 0.0, "wire_resistance": 0.0}
    found = tab.run(
        f"""(() => {{
          const model = rcspike.engine.open(bytesOf({encoded(path.read_bytes())}));
          const run = rcspike.engine.run(model, {json.dumps(ideal | conditions)}, floatsOf({encoded(times)}));
          let energy = null;
          if (model.dense.every(Boolean)) {{
            energy = rcspike.energies(rcspike.data.process, model.phases === "two", rcspike.engine.activity(run));
          }}
          rcspike.engine.end(run);
          rcspike.engine.close(model);
          const layers = run.layers.map(({{ v, t_out }}) => ({{ v: v && textOf(v), t_out: textOf(t_out) }}));
          return {{ read: textOf(run.read), layers, answers: [...run.answers], energy }};
        }})()"""
    )
    found["read"] = bits(found["read"])
    for layer in found["layers"]:
        for name, text in layer.items():
            layer[name] = None if text is None else bits(text)
    result: dict[str, Any] = found
    return result
