"""What is told of a release to people and their programs: the message of a transition, in each of its forms. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.release.around.link import link_of, moment
from pipeline.release.around.transitions import Event, Transition
from pipeline.release.model import LATEST

UNTOLD: frozenset[Event] = frozenset({"verdict"})  # what the judge says is told with what is done about it


@dataclass(frozen=True)
class Message:
    """One thing that happened to a release; `headline` says what, `sentence` why."""

    event: Event
    environment: str
    service: str
    release: str
    version: str
    stable: str | None
    traffic: float
    commit: str
    subject: str
    actor: str
    claimed_actor: str | None
    headline: str
    sentence: str
    link: str
    at: str  # ISO 8601, UTC

    @property
    def title(self) -> str:
        """One line."""
        return f"{self.service} on {self.environment}: {self.headline}"

    @property
    def text(self) -> str:
        """For people, as plain text."""
        lines = (self.title, self.sentence, f"commit {self.commit[:12]}: {self.subject}", self.link)
        return "\n".join(line for line in lines if line)

    @property
    def body(self) -> dict[str, Any]:
        """For programs; docs/hooks.md has the shape."""
        return {"crabwalk": 1, **asdict(self)}

    @property
    def slack(self) -> dict[str, str]:
        """For Slack and what takes its messages: its markup, in which nothing of ours is markup but the bold name."""
        link = self.link if self.link.startswith("https://") else ""
        where = f"<{link}|{self.release}>" if link else _escaped(self.link)
        lines = (
            f"*{_escaped(self.service)}* on {_escaped(self.environment)}: {_escaped(self.headline)}",
            _escaped(self.sentence),
            f"commit {self.commit[:12]}: {_escaped(self.subject)} ({where})",
        )
        return {"text": "\n".join(line for line in lines if line)}


def message(told: Transition) -> Message:
    """The message that this happened; a conflict is a hold to whoever reads it."""
    rollout = told.rollout
    return Message(
        event="hold" if told.event == "conflict" else told.event,
        environment=rollout.environment,
        service=rollout.service,
        release=rollout.release_id,
        version=rollout.candidate,
        stable=None if rollout.stable == LATEST else rollout.stable,
        traffic=told.traffic,
        commit=rollout.commit,
        subject=rollout.subject,
        actor=rollout.actor,
        claimed_actor=rollout.claimed_actor,
        headline=told.headline,
        sentence=told.sentence,
        link=link_of(rollout),
        at=moment(told.at),
    )


def _escaped(text: str) -> str:
    """Slack's own three (docs: Formatting text, Escaping text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
