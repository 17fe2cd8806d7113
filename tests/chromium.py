"""Chromium for tests of pages: a real browser, driven over its DevTools protocol.

Debian's package ``chromium`` is enough; nothing is downloaded. A page is opened from a file, as users
open an exported one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_SECONDS = 60


class Browser:
    """One tab. ``problems`` holds what the page logged as warning or error, and what it failed to do."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._count = 0
        self._loaded = 0
        self.problems: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, path: Path) -> None:
        """Load a file and wait until it is complete."""
        loaded = self._loaded
        self._call("Page.navigate", url=path.resolve().as_uri())
        while self._loaded == loaded:
            self._take()

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is awaited."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def screenshot(self, path: Path, width: int = 1400, height: int = 900) -> None:
        """Keep what the tab shows, for a person to look at."""
        import base64

        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        self._connection.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            message = self._take()
            if message.get("id") == self._count:
                assert "error" not in message, message["error"]
                return dict(message["result"])

    def _take(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._connection.recv(timeout=START_SECONDS))
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded += 1
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("warning", "error"):
            self.problems.append(str(parameters["entry"]["text"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        return message


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start Chromium without a window and end it afterwards.

    Raises:
        FileNotFoundError: Chromium is not installed.
    """
    program = next((found for found in map(shutil.which, NAMES) if found), None)
    if program is None:
        raise FileNotFoundError("these tests need Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-extensions", "--remote-debugging-port=0",
            f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_tab_address(Path(profile)), max_size=None) as connection:
                yield Browser(connection)
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _tab_address(profile: Path) -> str:
    """The address of the first tab; Chromium writes its port into its profile."""
    from urllib.request import urlopen

    ports = profile / "DevToolsActivePort"
    deadline = time.monotonic() + START_SECONDS
    while not (ports.exists() and ports.read_text().strip()):
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.1)
    port = ports.read_text().split()[0]
    while True:
        with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
        if tabs:
            return str(tabs[0]["webSocketDebuggerUrl"])
        assert time.monotonic() < deadline, "Chromium opened no tab"
        time.sleep(0.1)
