"""Headless Chromium, driven by its DevTools protocol over a pipe."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any

from needs import BROWSER
from waiting import wait_until

__all__ = ["Tab", "chromium"]

_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--remote-debugging-pipe",
]
_PATIENCE = 60.0  # seconds for any answer


class Tab:
    """One page. `events` has what the browser says about it, as (method, parameters)."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive, self._buffer = send, receive, b""
        self._ids = itertools.count(1)
        self._session = ""
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._attach(self.ask("Target.createTarget", url="about:blank")["targetId"])

    def _attach(self, target: str) -> None:
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def enter_frame(self) -> None:
        """From now on, scripts run in the sandboxed frame of the page."""
        (frame,) = (one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "iframe")
        self._attach(frame["targetId"])

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and wait for its answer."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                found: dict[str, Any] = answer["result"]
                return found
            if "method" in answer:
                self.events.append((answer["method"], answer["params"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select([self._receive], [], [], _PATIENCE)
            assert ready, "the browser does not answer"
            part = os.read(self._receive, 1 << 20)
            assert part, "the browser has ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def size(self, width: int, height: int = 900, **media: str) -> None:
        """Set the window's size, and media features such as ``prefers_color_scheme="dark"``."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def open(self, url: str) -> None:
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=url)
        self.wait(f"document.documentElement && location.href === {json.dumps(url)}")

    def run(self, script: str) -> Any:
        """Value of a JavaScript expression, which may be a promise."""
        found = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        wait_until(lambda: self.run(f"Boolean({condition})"), condition, seconds=_PATIENCE)

    def press(self, *keys: str) -> None:
        """Press keys, such as ``"Tab"``, ``"ArrowRight"`` or ``" "``."""
        codes = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        for key in keys:
            shared = {"key": key, "windowsVirtualKeyCode": codes.get(key, 0), "code": key}
            text = {"text": "\r" if key == "Enter" else key} if key in (" ", "Enter") else {}
            self.ask("Input.dispatchKeyEvent", type="keyDown", **shared, **text)
            self.ask("Input.dispatchKeyEvent", type="keyUp", **shared)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def choose_file(self, element: str, path: Path) -> None:
        """Give a file to an input, an expression of JavaScript."""
        found = self.ask("Runtime.evaluate", expression=element)["result"]["objectId"]
        self.ask("DOM.setFileInputFiles", files=[str(path)], objectId=found)

    def download_to(self, folder: Path) -> None:
        self.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self) -> bytes:
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def problems(self) -> list[str]:
        """Errors and warnings in the console, exceptions that nobody caught, and requests that left the page."""
        found = []
        for method, about in self.events:
            if method == "Runtime.exceptionThrown":
                found.append(str(about["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
                found.append(str(about["args"]))
            elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                found.append(str(about["entry"]))
            elif method == "Network.requestWillBeSent":
                url = about["request"]["url"]
                if not url.startswith(("file:", "blob:", "data:", "about:")):
                    found.append(f"requests {url}")
        return found


@contextmanager
def chromium(folder: Path) -> Iterator[Tab]:
    """A tab of a browser of its own, whose profile lies in a folder."""
    ends = [_out_of_the_way(fd) for fd in (*os.pipe(), *os.pipe())]
    browser_reads, we_send, we_read, browser_writes = ends

    def as_3_and_4() -> None:
        os.dup2(browser_reads, 3)
        os.dup2(browser_writes, 4)

    words = [str(BROWSER), *_FLAGS, f"--user-data-dir={folder / 'profile'}"]
    process = subprocess.Popen(
        words, preexec_fn=as_3_and_4, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(browser_reads)
    os.close(browser_writes)
    try:
        yield Tab(we_send, we_read)
    finally:
        process.kill()
        process.wait()
        os.close(we_send)
        os.close(we_read)


def _out_of_the_way(fd: int) -> int:
    """The same end of a pipe with a number above those that the browser wants."""
    moved: int = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved
