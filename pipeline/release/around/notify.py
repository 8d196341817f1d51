"""What is told of a release, and in which form: messages from one state of a rollout to the next. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipeline.release.around.link import link_of, moment
from pipeline.release.model import LATEST, REJECTS, Rollout, percent
from pipeline.release.words import who

Event = Literal[
    "start",  # recorded, and no traffic moved yet
    "step",  # another share of the traffic
    "hold",  # stands, until somebody or the time decides
    "approval",  # stands, until a person says yes
    "pause",
    "resume",
    "takeover",  # another controller goes on with it
    "promote",  # over: all traffic
    "rollback",  # over: back
    "abort",  # over: back, because a person said so
    "rejected",  # over: a smoke check or a hook said no, and no traffic was moved
]


BY_HAND = "rolled back by hand"


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


def messages(before: Rollout | None, after: Rollout, at: float) -> tuple[Message, ...]:
    """What there is to tell of a rollout that was as `before` and is as `after`; None: it was not recorded before.

    `at`: when, in epoch seconds.
    """
    return tuple(message(event, after, at) for event in _events(before, after))


def takeover(rollout: Rollout, at: float) -> tuple[Message, ...]:
    """What is told by a controller that goes on with a rollout whose own is gone.

    It repeats where the walk stands: what its last controller did not come to tell. Nothing where a stop was told.
    """
    stopped = rollout.phase == "held" or rollout.paused is not None or rollout.waiting is not None
    return () if rollout.over or stopped or rollout.reason == "quiet" else (message("takeover", rollout, at),)


def message(event: Event, rollout: Rollout, at: float) -> Message:
    """The message that this happened to a rollout, which is as it is after it."""
    stable = None if rollout.stable == LATEST else rollout.stable
    return Message(
        event=event,
        environment=rollout.environment,
        service=rollout.service,
        release=rollout.release_id,
        version=rollout.candidate,
        stable=stable,
        traffic=0.0 if rollout.phase == "rolled-back" else rollout.traffic(rollout.step),
        commit=rollout.commit,
        subject=rollout.subject,
        actor=rollout.actor,
        claimed_actor=rollout.claimed_actor,
        headline=_headline(event, rollout),
        sentence=_sentence(event, rollout),
        link=link_of(rollout),
        at=moment(at),
    )


def _events(before: Rollout | None, after: Rollout) -> tuple[Event, ...]:
    if after.over:
        return () if before is not None and before.phase == after.phase else (_end(after),)
    if before is None:
        return ("start",)
    found: list[Event] = []
    if after.paused is None and (before.paused is not None or (before.phase == "held" != after.phase)):
        found.append("resume")
    if after.step > before.step and not after.moved:  # its promotion is told once it is recorded
        found.append("step")
    if after.waiting is not None and before.waiting is None:
        found.append("approval")
    if after.paused is not None and before.paused is None:
        found.append("pause")
    if (after.phase == "held" != before.phase) or (after.reason == "quiet" != before.reason):
        found.append("hold")
    return tuple(found)


def _end(rollout: Rollout) -> Event:
    if rollout.phase == "promoted":
        return "promote"
    if rollout.reason in REJECTS:
        return "rejected"
    return "abort" if rollout.reason == "aborted" else "rollback"


def _headline(event: Event, rollout: Rollout) -> str:
    share, version = percent(rollout.traffic(rollout.step)), f"version {rollout.candidate}"
    if event == "step":
        return f"{share} of the traffic to {version}"
    if event == "promote":
        return f"{version} has all traffic"
    if event in {"rollback", "abort"}:
        done = "rolled back" if event == "rollback" else "aborted"
        by_hand = rollout.reason == BY_HAND  # to whichever version the person named
        return done if by_hand or rollout.stable == LATEST else f"{done}, version {rollout.stable} has all traffic"
    words = {
        "start": f"the release of {version} begins",
        "hold": f"held at {share} to {version}",
        "approval": f"{version} at {share} waits for approval",
        "pause": f"paused at {share} to {version}",
        "resume": f"goes on at {share} to {version}",
        "takeover": f"taken over at {share} to {version}",
        "rejected": f"{version} is rejected, no traffic was moved",
    }
    return words[event]


def _sentence(event: Event, rollout: Rollout) -> str:
    if event == "start":
        against = f"against version {rollout.stable}" if rollout.stable != LATEST else "nothing to compare it with"
        steps = " → ".join(percent(one.traffic) for one in rollout.steps)
        return f"{against}, {steps + ' → ' if steps else ''}100 %"
    if event == "approval" and rollout.waiting is not None:
        until = moment(rollout.waiting + rollout.terms.approval_timeout_s)
        return f"{rollout.sentence} until {until}: crabwalk promote {rollout.service} --env {rollout.environment}"
    if event in {"pause", "resume"} and rollout.obeyed:
        order = rollout.obeyed[-1]
        return f"by {who(order.actor, order.claimed_actor)}" + (f": {order.reason}" if order.reason else "")
    return rollout.sentence


def _escaped(text: str) -> str:
    """Slack's own three (docs: Formatting text, Escaping text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
