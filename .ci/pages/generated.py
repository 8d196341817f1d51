"""Every page and picture that is written by a program, by its path in docs/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

REPLAYS = Path(__file__).parents[2] / "tests" / "replays"
Made = Mapping[str, Callable[[], str]]


def _manifest() -> str:
    from pages import manifest
    from pipeline.manifest.project import Project
    from pipeline.manifest.schema_service import service_schema

    return manifest.page(service_schema(Project("shop", Path())))


def _verbs() -> str:
    from pages import verbs
    from pipeline.cli import cli

    return verbs.page(cli)


# Which recorded incidents are drawn, and what is said of each.
INCIDENTS = {
    "slow-leak": "A version that leaks: it gets worse minute by minute",
    "shared-dependency": "A dependency that both versions need is down",
    "outage-at-deploy": "A version that fails from its first request",
    "cold-start": "A version whose first minute fails, and then none",
    "bursts-in-a-sandbox": "Bursts of failures in one version at a time, as there always were",
    "only-at-half": "A fault that only shows at half of the traffic",
    "quiet-service": "A service that hardly anybody calls",
}


def _incident(name: str, title: str) -> str:
    from pages.pictures import picture
    from pipeline.release.judge.recording import parse
    from pipeline.release.judge.replay import Settings, replay

    file = REPLAYS / f"{name}.csv"
    return picture(title, replay(parse(file.read_bytes(), file.name), Settings()))


GENERATED: Made = {
    "reference/manifest.md": _manifest,
    "reference/cli.md": _verbs,
    **{f"pictures/{name}.svg": partial(_incident, name, title) for name, title in INCIDENTS.items()},
}
