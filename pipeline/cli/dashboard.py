"""`crabwalk dashboard`: an environment as a page on a loopback port, or as a file. Changes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from pipeline.cli.options import Here, env_option

if TYPE_CHECKING:
    from pipeline.release.verbs.overview import Overview
    from pipeline.serving import Answer

PORT = 8723
REFRESH_S = 10
HISTORY_S = 60.0  # how long what was read of the history is good for


@click.command()
@env_option
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="On loopback; 0 takes any free one."
)
@click.option(
    "--once",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the page into this file instead, and return.",
)
def command(env_name: str | None, port: int, file: Path | None) -> int:
    """Show an environment in a browser: what walks, what is where, the DORA figures of the last 12 weeks.

    Each release has its report there, each service the commands to copy. Only this machine reaches it, nothing on it
    changes anything, and it asks nothing of any network but AWS. Ctrl-C ends it.
    """
    from importlib.metadata import version

    here = Here(env_name)
    shown = Shown(here, version("crabwalk"))
    shown.look()  # what is wrong with the project or the credentials is said here, not on a page
    if file is not None:
        from pipeline.cli.summarizing import write_document
        from pipeline.report.page.environment import markup

        write_document(file, markup(shown.found, shown.version, refresh_s=None, linked=False), "page")
        here.console.good(f"{here.env.name}: {file}")
        return 0
    return serve(here, shown, port)


def serve(here: Here, shown: Shown, port: int) -> int:
    """Answer until somebody ends it."""
    from pipeline.report.page.frame import POLICY
    from pipeline.serving import LOOPBACK, serving

    with serving(port, shown.answer, POLICY) as server:
        here.console.good(f"{here.env.name}: http://{LOOPBACK}:{server.server_port}/")
        here.console.note("read-only, for this machine only; Ctrl-C ends it")
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            here.console.line("ended")
    return 0


@dataclass
class Shown:
    """What the pages show: read when it is asked for, at most once in a while; an older state survives a fault."""

    here: Here
    version: str
    clock: Callable[[], float] = time.monotonic
    fault: str = ""
    _found: Overview | None = None
    _at: float = -REFRESH_S
    _history_at: float = -HISTORY_S
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def found(self) -> Overview:
        """What was read last."""
        assert self._found is not None  # noqa: S101 - `look` comes first
        return self._found

    def look(self) -> None:
        """Read it all anew, the history where it is old. Raises what there is to raise."""
        from pipeline.cli.status import statuses
        from pipeline.deploying.standing import told_gone
        from pipeline.release.verbs.overview import Overview

        here = self.here
        notes: list[str] = []
        found, left = statuses(here, (), notes.append)
        notes += told_gone(left, here.env.name)
        before = self._found
        made = Overview(here.project.name, here.env.name, here.engine.now(), tuple(found), notes=tuple(notes))
        if before is None or self.clock() - self._history_at >= HISTORY_S:
            made = self._with_history(made)
            self._history_at = self.clock()
        else:
            made = replace(made, recent=before.recent, whole=before.whole, weeks=before.weeks)
        self._found, self._at, self.fault = made, self.clock(), ""

    def _with_history(self, made: Overview) -> Overview:
        from pipeline.release.ledger.dora import figures
        from pipeline.release.verbs.overview import MARGIN_S, RECENT, WEEK_S, WEEKS, weekly

        ledger, since = self.here.engine.ledger, made.at - WEEKS * WEEK_S
        names = ledger.services()
        digests = ledger.digests(names, since - MARGIN_S)
        recent = tuple(islice(ledger.entries(names, since - MARGIN_S), RECENT))
        return replace(made, recent=recent, whole=figures(digests, since, made.at), weeks=weekly(digests, made.at))

    def answer(self, address: str) -> Answer:
        """The page of an address; whatever AWS does, there is one."""
        from http import HTTPStatus

        from pipeline.report.page.environment import markup, nothing
        from pipeline.serving import Answer

        parts = urlsplit(address)
        if parts.path == "/":
            with self._lock:
                self._refresh()
                refresh = None if parts.query == "still" else REFRESH_S
                text = markup(self.found, self.version, refresh_s=refresh, fault=self.fault)
            return Answer(HTTPStatus.OK, text)
        release = parts.path.removeprefix("/release/")
        if release != parts.path and release:
            return self._release(release)
        return Answer(HTTPStatus.NOT_FOUND, nothing("There is no such page", "Nothing is at this address.", None))

    def _refresh(self) -> None:
        """Look again, where the last look is old; a fault is said on the page, and asked again after the same while."""
        from pipeline.errors import CrabwalkError

        if self.clock() - self._at < REFRESH_S / 2:
            return
        try:
            self.look()
        except CrabwalkError as fault:
            self.fault, self._at = fault.what, self.clock()

    def _release(self, release: str) -> Answer:
        from http import HTTPStatus

        from pipeline.cli.report import package_of
        from pipeline.errors import CrabwalkError, UsageError
        from pipeline.release.verbs.telling import ID, account
        from pipeline.report.page.environment import nothing
        from pipeline.report.page.release import markup
        from pipeline.serving import Answer

        if not ID.match(release):
            return Answer(HTTPStatus.NOT_FOUND, nothing("There is no such release", "That is no release's id.", None))
        try:
            found = account(self.here.engine, release)
            return Answer(HTTPStatus.OK, markup(found, package_of(self.here.engine.objects, found.entry), self.version))
        except UsageError as fault:
            return Answer(HTTPStatus.NOT_FOUND, nothing("There is no such release", f"{fault.what}.", None))
        except CrabwalkError as fault:
            page = nothing("AWS could not be read", f"{fault.what}. It is asked again.", REFRESH_S)
            return Answer(HTTPStatus.BAD_GATEWAY, page)
