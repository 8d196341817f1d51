"""`crabwalk demo`: the whole story on the embedded AWS, told by the real verbs in a scratch clone of this repository.

Nothing here decides anything about a release: the verbs run as separate processes, exactly as a person would type
them. What the demo adds is a repository to change, traffic, and the proof at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import Here
from pipeline.errors import CrabwalkError, UsageError

if TYPE_CHECKING:
    from pipeline.local.traffic import Traffic

SERVICES = ("hello", "health")
SOURCE = "services/hello/src/main.rs"
GOOD = ("Hello, ", "Good day, ")
ANSWER = '    Ok(format!("'
REFUSAL = """    if name.ends_with(['3', '7']) {
        return Err(format!("cannot greet {name}").into());
    }
"""
BAD = (ANSWER, REFUSAL + ANSWER)
AUTHOR = ("-c", "user.name=A developer", "-c", "user.email=developer@example.com", "-c", "commit.gpgsign=false")
STOP_S = 60.0


@click.command()
@click.option("--seed", type=int, default=7, show_default=True, help="Makes the traffic repeatable.")
@click.option("--rate", type=click.IntRange(1, 1000), default=120, show_default=True, help="Requests a second.")
@click.option("--svg", type=click.Path(file_okay=False, path_type=Path), help="Where the live views go as SVG.")
def command(seed: int, rate: int, svg: Path | None) -> int:
    """Play the whole story: deploy two services, promote a good change, roll a bad one back, on a local AWS.

    No AWS account is touched, whatever credentials this machine has. Everything it starts is stopped again.
    """
    from pipeline.manifest.project import find_project

    here = Here("local")
    root = find_project(Path.cwd())
    if not (root / SOURCE).is_file():
        raise UsageError(
            "the demo changes the example service `hello`, which is not here",
            where=str(root / SOURCE),
            hint="it is played in a checkout of crabwalk's own repository; for a project of yours: crabwalk local up",
        )
    pictures = svg or root / ".crabwalk" / "demo"
    pictures.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="crabwalk-demo-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        story = Story(here, root, scratch, pictures.resolve(), seed, rate)
        stack.enter_context(story.embedded_aws())
        return story.tell()


@dataclass
class Story:
    """One play of the demo."""

    here: Here
    root: Path
    scratch: Path
    pictures: Path
    seed: int
    rate: int
    started: float = field(default_factory=time.monotonic)

    @property
    def clone(self) -> Path:
        """The scratch clone everything happens in."""
        return self.scratch / "repository"

    @contextmanager
    def embedded_aws(self) -> Iterator[None]:
        """An embedded AWS of its own, with none of this machine's AWS settings in sight."""
        from pipeline import local

        # No account of the caller's is meant, and no release: in CI a build would ask for cargo-deny.
        for name in [name for name in os.environ if name.startswith("AWS_") or name == "CI"]:
            del os.environ[name]
        os.environ["CRABWALK_LOCAL_DIR"] = str(self.scratch / "aws")
        try:
            running = local.up(seed=self.seed)
            self.here.console.line(f"the embedded AWS is up at {running.endpoint}; no real account is touched")
            yield
        finally:
            local.down()

    def tell(self) -> int:
        """The chapters, in order; 0 when everything came out as it should."""
        from pipeline.local.traffic import Traffic

        self._git("clone", "--quiet", str(self.root), str(self.clone), cwd=self.root)
        self._chapter("1. A new environment, and the first release of two services")
        self._verb("bootstrap", "local")
        self._verb("deploy", *SERVICES, "--env", "local")
        urls = self._urls()
        self._call(urls["hello"], "?name=Ada")
        self._call(urls["health"], "")
        console = self.here.console
        with Traffic(urls["hello"], rate=self.rate, seed=self.seed) as traffic:
            self._chapter(f"2. Traffic starts at {self.rate} requests a second; a good change is merged")
            self._change(*GOOD, "hello: greet more formally")
            good = self._walk("good")
            self._chapter("3. A bad change is merged: one request in five fails")
            self._change(*BAD, "hello: refuse names that end in 3 or 7")
            bad = self._walk("bad")
            console.line(f"that deploy ended with exit code {bad}")
        self._traffic(traffic)
        self._chapter("4. What was done, and whether the numbers agree")
        self._verb("status", *SERVICES, "--env", "local")
        self._verb("history", "hello", "--env", "local")
        checks = {
            "the good change was promoted": good == 0 and self._outcomes()[1:2] == ["promoted"],
            "the bad change was rolled back, exit code 3": bad == 3 and self._outcomes()[:1] == ["rolled-back"],
            "CloudWatch counted the requests the functions logged": self._counted(),
            "at least 100 requests a second were sent": traffic.achieved >= min(100.0, 0.9 * self.rate),
        }
        for what, held in checks.items():
            (console.good if held else console.bad)(f"{'yes' if held else 'NO '}  {what}")
        console.line(f"live views: {self.pictures / 'good.svg'} and {self.pictures / 'bad.svg'}")
        console.line(f"the whole story took {time.monotonic() - self.started:.0f} s")
        return 0 if all(checks.values()) else 1

    def _chapter(self, title: str) -> None:
        self.here.console.line()
        self.here.console.title(f"== {title} ({time.monotonic() - self.started:.0f} s)")

    def _verb(self, *arguments: str, check: bool = True) -> int:
        """Run a verb as a person would, in the clone, on this terminal."""
        self.here.console.note(f"$ crabwalk {' '.join(arguments)}")
        sys.stdout.flush()
        code = _wait(subprocess.Popen(_crabwalk(arguments), cwd=self.clone))
        if check and code != 0:
            raise CrabwalkError(f"`crabwalk {' '.join(arguments)}` ended with exit code {code}, the demo stops here")
        return code

    def _walk(self, picture: str) -> int:
        file = str(self.pictures / f"{picture}.svg")
        return self._verb("deploy", "hello", "--env", "local", "--record", file, check=False)

    def _asked(self, *arguments: str) -> Any:
        """What a verb says under `--output json`."""
        done = subprocess.run(
            _crabwalk((*arguments, "--output", "json")), cwd=self.clone, capture_output=True, check=False, text=True
        )
        if done.returncode != 0:
            raise CrabwalkError(f"`crabwalk {' '.join(arguments)}` failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def _urls(self) -> dict[str, str]:
        return {one["service"]: one["url"] for one in self._asked("status", *SERVICES, "--env", "local")["services"]}

    def _outcomes(self) -> list[str]:
        return [one["outcome"] for one in self._asked("history", "hello", "--env", "local")["entries"]]

    def _call(self, url: str, query: str) -> None:
        from urllib.request import urlopen

        with urlopen(url.rstrip("/") + "/" + query, timeout=10) as answer:  # noqa: S310 - a loopback URL of ours
            self.here.console.line(f"GET /{query} → {answer.status} {answer.read().decode()}")

    def _change(self, old: str, new: str, subject: str) -> None:
        source = self.clone / SOURCE
        text = source.read_text()
        if old not in text:
            raise UsageError(f"the demo cannot change {SOURCE}: it has no `{old.strip()}`")
        source.write_text(text.replace(old, new))
        self._git(*AUTHOR, "commit", "--quiet", "--all", "--message", subject, cwd=self.clone)
        self.here.console.line(self._git("log", "-1", "--format=%h %s", cwd=self.clone).strip())
        for line in self._git("show", "--format=", "--unified=0", "HEAD", "--", SOURCE, cwd=self.clone).splitlines():
            if line.startswith(("+", "-")) and not line.startswith(("+++", "---")):
                self.here.console.line(f"  {line}")

    def _git(self, *arguments: str, cwd: Path) -> str:
        done = subprocess.run(("git", *arguments), cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CrabwalkError(f"git {arguments[0]} failed: {done.stderr.strip()}", where=str(cwd))
        return done.stdout

    def _traffic(self, traffic: Traffic) -> None:
        bad = {status: count for status, count in traffic.statuses.items() if status != 200}
        failed = ", ".join(f"{count:,} with status {status}" for status, count in sorted(bad.items())) or "none"
        self.here.console.line(
            f"traffic: {traffic.sent:,} requests, {traffic.achieved:.0f} a second; not answered with 200: {failed}"
        )

    def _counted(self) -> bool:
        """Whether CloudWatch's invocations per version equal the lines the versions logged."""
        from pipeline.aws.logs import requests_by_version
        from pipeline.aws.metrics import Metrics, Series
        from pipeline.manifest.project import environment, load_project
        from pipeline.release.model import ALIAS

        project = load_project(self.clone)
        env = environment(project, "local")
        function = project.function_name("local", "hello")
        until = time.monotonic() + 5.0
        while True:
            logged = requests_by_version(env, function)
            # Smoke checks name the version, requests come through the alias: two series a version.
            series = {
                version: (
                    Series(function, ALIAS, version, "Invocations"),
                    Series(function, version, None, "Invocations"),
                )
                for version in logged
            }
            now = time.time()
            found = Metrics(env).read([one for pair in series.values() for one in pair], now - 3600, now + 1)
            counted = {
                version: round(sum(sum(found[one].values()) for one in pair)) for version, pair in series.items()
            }
            agree = len(logged) == 3 and counted == dict(logged)
            if agree or time.monotonic() > until:
                break
            time.sleep(0.2)
        rows = [(f"version {version}", counted[version], logged[version]) for version in sorted(logged)]
        self.here.console.table("hello", ("", "CloudWatch", "functions' log"), rows)
        return agree


def _crabwalk(arguments: Sequence[str]) -> list[str]:
    # -P: the clone has a folder `pipeline` too, which must not be the one that runs.
    return [sys.executable, "-P", "-m", "pipeline", *arguments]


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for a verb; when we are ended, give it time to stop what it started."""
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
