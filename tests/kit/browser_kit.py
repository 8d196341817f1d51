"""Chromium without a window, over its DevTools pipe: what a page looks like, says, fetches and lets one reach.

The protocol is JSON, each message ended by a NUL, on the file descriptors 3 and 4 of the browser
(`--remote-debugging-pipe`); no port is opened and no driver is needed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0  # a busy machine's, for anything at all
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Browser:
    """One process of Chromium."""

    def __init__(self, folder: Path) -> None:
        command = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert command, "chromium is not installed: `make setup` installs it, or says the line to type"
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        ends = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 20) for one in (theirs_in, theirs_out)]

        def wired() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self._log = (folder / "chromium.log").open("wb")
        self._process = subprocess.Popen(
            [command, *FLAGS, *sandbox, f"--user-data-dir={folder}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            close_fds=False,  # of ours none is inherited but those two
            preexec_fn=wired,  # noqa: PLW1509 - two system calls
            env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)},
        )
        for one in (theirs_in, theirs_out, *ends):
            os.close(one)
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Ask, and wait for the answer; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._read()
            if found.get("id") == self._number:
                assert "error" not in found, f"{method}: {found['error']}"
                return found["result"]
            self.events.append(found)

    def until(self, method: str, session: str) -> dict[str, Any]:
        """Wait for an event of a page."""
        while True:
            for number, one in enumerate(self.events):
                if one.get("method") == method and one.get("sessionId") == session:
                    return self.events.pop(number)
            self.events.append(self._read())

    def page(self) -> Page:
        """A new tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        made = Page(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            made.call(f"{domain}.enable")
        return made

    def close(self) -> None:
        """End it; its own process only."""
        try:
            os.write(self._out, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        for one in (self._in, self._out):
            os.close(one)
        self._log.close()

    def _read(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            more = os.read(self._in, 1 << 20) if ready else b""
            assert more, f"chromium said nothing: {Path(self._log.name).read_text(errors='replace')[-2000:]}"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found


@dataclass
class Page:
    """A tab."""

    browser: Browser
    session: str
    target: str
    size: tuple[int, int] = field(default=(1280, 900))

    def call(self, method: str, **params: Any) -> Any:
        return self.browser.call(method, self.session, **params)

    def open(self, address: str) -> None:
        """Go somewhere, and wait until all is there."""
        self.browser.events.clear()
        found = self.call("Page.navigate", url=address)
        assert "errorText" not in found, found
        self.browser.until("Page.loadEventFired", self.session)

    def look(self, width: int, height: int = 900, *, dark: bool = False, paper: bool = False) -> None:
        """As a window of this width, in this light, or on paper."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "screen", features=[scheme])

    def run(self, script: str) -> Any:
        """The value of an expression."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, *, code: int, text: str = "") -> None:
        """A key of the keyboard."""
        known = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", **known)
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def tab(self) -> None:
        self.press("Tab", code=9)

    def complaints(self) -> list[str]:
        """What the console says: errors, warnings, refusals of the page's policy."""
        self.run("1")
        found = []
        for one in self.browser.events:
            params = one.get("params", {})
            if one.get("method") == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"]["text"]))
            elif one.get("method") == "Runtime.consoleAPICalled":
                found.append(str(params["args"]))
            elif one.get("method") == "Log.entryAdded":
                found.append(str(params["entry"]["text"]))
        return found

    def requests(self) -> list[str]:
        """What was fetched."""
        self.run("1")
        sent = [one for one in self.browser.events if one.get("method") == "Network.requestWillBeSent"]
        return [str(one["params"]["request"]["url"]) for one in sent]

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    def screenshot(self, *, whole: bool = False) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def close(self) -> None:
        self.browser.call("Target.closeTarget", targetId=self.target)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser with a profile of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="crabwalk-browser-"))
    browser = Browser(folder)
    try:
        yield browser
    finally:
        browser.close()
        shutil.rmtree(folder, ignore_errors=True)
