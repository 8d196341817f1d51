"""A deployed project as a repository at GitHub: its workflows, its API, its buttons."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from github_kit import FakeGitHub
from job_kit import Job
from shop_kit import REPOSITORY, Shop
from workflow_kit import NAME, GitHub, Ran

from pipeline import local

PARTS = (".ci", ".github", "deny.toml", "Makefile")
PULL = 12


@dataclass
class Hub:
    """`github` runs workflows, `api` answers `post`."""

    shop: Shop
    github: GitHub
    api: FakeGitHub

    @classmethod
    @contextmanager
    def of(cls, shop: Shop, embedded: local.Running, folder: Path, environments: str = '["local"]') -> Iterator[Hub]:
        """The project with the workflows in it; without them again afterwards, for whoever shares it."""
        aws = {f"AWS_{name}": "test" for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")}
        aws["AWS_ENDPOINT_URL"] = embedded.endpoint
        shop.git("config", "uploadpack.allowAnySHA1InWant", "true")
        for part in PARTS:
            with suppress(NotADirectoryError):
                shutil.copytree(REPOSITORY / part, shop.root / part)
                continue
            shutil.copy(REPOSITORY / part, shop.root / part)
        shop.commit("the workflows")
        tokens: dict[str, Mapping[str, str]] = {}
        with FakeGitHub(tokens).serving() as api:
            variables = {"CRABWALK_ENVIRONMENTS": environments}
            yield cls(shop, GitHub(shop.root, folder, aws, variables, api=api.url, tokens=tokens), api)
        shop.git("checkout", "--quiet", "--force", "main")
        shop.git("rm", "-r", "--quiet", *PARTS)
        shop.commit("no workflows")

    @property
    def head(self) -> str:
        return self.shop.git("rev-parse", "main")

    def run(self, workflow: str, event: str, *, other: Mapping[str, Any] | None = None, **how: Any) -> Ran:
        """Run a workflow, at a GitHub that is `other` in something."""
        return replace(self.github, **(other or {})).run(workflow, event, **how)

    def press(self, workflow: str, **inputs: Any) -> Job:
        """A person starts a workflow of one job by its form, and it succeeds."""
        ran = self.run(workflow, "workflow_dispatch", sha=self.head, inputs={"environment": "local", **inputs})
        assert ran.conclusion == "success", ran.log
        return ran.one(workflow)

    def pull_request(self, change: Callable[[], str]) -> str:
        """A branch with a change, as GitHub would merge it; main stays where it is. The merge commit."""
        git = self.shop.git
        git("checkout", "--quiet", "-B", "topic", "main")
        change()
        git("checkout", "--quiet", "--detach", "main")
        git("merge", "--quiet", "--no-ff", "--message", "Merge topic into main", "topic")
        sha = git("rev-parse", "HEAD")
        git("update-ref", f"refs/pull/{PULL}/merge", sha)
        git("checkout", "--quiet", "--force", "main")
        return sha

    def pull(self, *, fork: bool = False, author: str = "ada") -> dict[str, Any]:
        """The event of a pull request."""
        head = {"repo": {"full_name": "eve/shop" if fork else NAME}}
        base = {"sha": self.head}
        return {"pull_request": {"number": PULL, "head": head, "base": base, "user": {"login": author}}}

    def walking(self, pid: int) -> None:
        """Wait until a new version of `hello` has some traffic, which this process gives it."""
        while not self.shop.weights():
            assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z", "it ended, nothing walks"
            time.sleep(0.05)

    def store(self, ran: Ran) -> Path:
        """What the build of a run left for its deploys."""
        (found,) = (self.github.artifacts / ran.number).iterdir()
        return found

    def stored(self, ran: Ran) -> list[str]:
        """The hashes of the packages in it."""
        return [path.stem for path in (self.store(ran) / "artifacts").glob("*.zip")]
