"""Carries a fleet's release out, wave by wave: look, decide, act, record, until it is over or has to wait.

The members of a wave are deployed side by side, each by its own deploy in a thread of its own; everything that belongs
to the whole is decided and written in the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Protocol

from pipeline.abreast import abreast
from pipeline.aws import AccessError, TransientError
from pipeline.errors import ConflictError, CrabwalkError, HeldError, UsageError
from pipeline.fleet.back import take_back
from pipeline.fleet.ending import end_walks
from pipeline.fleet.look import standing
from pipeline.fleet.plan import (
    Back,
    Bake,
    Become,
    Cell,
    End,
    FleetRelease,
    Hold,
    Standing,
    Step,
    Walk,
    decide,
    has_failed,
)
from pipeline.fleet.record import FleetLedger, Kept
from pipeline.fleet.voices import Board, Voice
from pipeline.infra.process import interruptible
from pipeline.infra.side_by_side import Teller
from pipeline.manifest.fleets import Fleet, Wave
from pipeline.release.verbs.steering import Asker, ask
from pipeline.release.walk.act import Engine
from pipeline.release.walk.outcome import EXIT_CODES, worst
from pipeline.release.walk.view import ReleaseResult

# It may pass by itself, and says nothing of the release: the target waits, and is tried again by the next deploy.
PASSING = (ConflictError, HeldError, TransientError, AccessError)
# What has not ended a walk, or not yet.
STANDS = frozenset({"refused", "stands", "held", "conflict", "failed"})


class Member(Protocol):
    """One target, as far as waves go; `member.Target` is one."""

    @property
    def engine(self) -> Engine: ...
    def function(self, service: str) -> str: ...
    def alarms(self) -> Mapping[str, tuple[str, ...]]: ...
    def deploy(self, voice: Voice, board: Board, wants: Mapping[str, str]) -> tuple[ReleaseResult, ...]: ...


@dataclass
class Waves:
    """One run over a fleet's release, as the record has it; `execute` may be called once."""

    fleet: Fleet
    members: Mapping[str, Member]
    ledger: FleetLedger
    kept: Kept
    actor: str
    tell: Teller
    board: Board
    check: Callable[[], None]  # raises when another process has taken over
    results: dict[str, tuple[ReleaseResult, ...]] = field(default_factory=dict)
    faults: dict[str, CrabwalkError] = field(default_factory=dict)
    _wave: int = -1
    _tried: set[str] = field(default_factory=set)
    _away: set[str] = field(default_factory=set)  # targets that could not be taken back
    _asked: set[tuple[str, str]] = field(default_factory=set)

    def execute(self) -> int:
        """Go on until the release is over, or has to wait for somebody; the exit code, the worst of all."""
        while True:
            step = self._decide()
            match step:
                case Become(release):
                    self._become(release)
                case Walk(wave, targets):
                    self._walk(wave, targets)
                case Bake(left_s=left_s):
                    self.board.pause(min(left_s, self._home.env.tick_s))
                case Back(target):
                    self._take_back(target)
                case Hold(targets=targets):
                    return self._exit(held=targets)
                case End():
                    return self._exit()

    @property
    def release(self) -> FleetRelease:
        """As the record has it now."""
        if self.kept.release is None:
            raise AssertionError("nothing was begun")
        return self.kept.release

    @property
    def _home(self) -> Engine:
        return self.members[self.fleet.targets[0]].engine

    @property
    def _reached(self) -> list[str]:
        return [target for wave in self.fleet.waves[: self.release.wave + 1] for target in wave.targets]

    def _decide(self) -> Step:
        release = self.release
        if release.over or release.phase == "going-back":
            return decide(self.fleet, release, {}, self._home.now(), away=self._away)
        if release.wave != self._wave:
            self._wave, self._tried = release.wave, set()
        self.check()
        reached = self._reached
        seen = dict(zip(reached, abreast(self._standing, reached), strict=True))
        asked = self.ledger.asked(release)
        return decide(
            self.fleet,
            release,
            seen,
            self._home.now(),
            tried=self._tried,
            abort=asked.sentence if asked is not None else None,
        )

    def _standing(self, target: str) -> Standing:
        member, fault = self.members[target], self.faults.get(target)
        told = {one.service: one for one in self.results.get(target, ())}
        baking = self.release.phase == "baking"
        broken = fault is not None and not isinstance(fault, PASSING)
        if fault is not None and not broken:
            # What it waits for is not in its ledger; its services are told as held.
            wants = self.release.wants.get(target, {})
            return Standing(target, tuple(Cell(one, "held", fault.what) for one in wants) or (Cell("", "held"),))
        return standing(
            member,
            target,
            self.release,
            told=told,
            alarms=member.alarms() if baking else {},
            fault=fault.what if fault is not None else "",
        )

    def _become(self, release: FleetRelease) -> None:
        before = self.release
        if before.phase in {"walking", "baking"} and release.phase in {"going-back", "stopped"}:
            self._end_walks(release.sentence)
        self.kept = Kept(release, self.ledger.save(release, self.kept.etag))
        wave = self.fleet.waves[release.wave]
        if release.phase == "baking" and before.phase != "baking":
            self.tell.progress(f"wave `{wave.name}` carries it; it is watched for {wave.bake_s:g} s")
        elif release.phase != before.phase and release.sentence != before.sentence:
            self.tell.progress(release.sentence)

    def _walk(self, wave: Wave, targets: Sequence[str]) -> None:
        """Deploy to these side by side; once the wave has failed, or somebody ends it, what still walks is aborted."""
        self.tell.progress(f"wave `{wave.name}`: {', '.join(targets)}")
        self._tried |= {*targets}
        for target in targets:
            self.faults.pop(target, None)
        pool = ThreadPoolExecutor(len(targets), thread_name_prefix="member")
        with self.board.live(), pool, interruptible(lambda: self._stop(pool)):
            begun = {pool.submit(self._deploy, target): target for target in targets}
            left = set(begun)
            while left:
                done, left = wait(left, self._home.env.tick_s, FIRST_COMPLETED)
                for one in done:
                    self._note(begun[one], one)
                if left:
                    self._heed(wave, [begun[one] for one in begun if one.done()], [begun[one] for one in left])

    def _deploy(self, target: str) -> tuple[ReleaseResult, ...]:
        wants = self.release.wants.get(target, {})
        return self.members[target].deploy(Voice(self.tell, target, self.board), self.board, wants)

    def _stop(self, pool: ThreadPoolExecutor) -> None:
        self.board.stop()
        pool.shutdown(wait=True, cancel_futures=True)

    def _note(self, target: str, made: Future[tuple[ReleaseResult, ...]]) -> None:
        try:
            self.results[target] = made.result()
        except CrabwalkError as fault:
            self.faults[target] = fault
            self.tell.warn(f"{target}: {fault.what}")

    def _heed(self, wave: Wave, done: Sequence[str], left: Sequence[str]) -> None:
        """Have what still walks in a wave aborted where it is not to go on."""
        try:
            why = self._ended(wave, done)
            if why is not None:
                self._abort(left, why)
        except (TransientError, AccessError):
            return  # it is seen with the next look; where AWS stays away each walk comes to its own end

    def _ended(self, wave: Wave, done: Sequence[str]) -> str | None:
        """Why what still walks in a wave is not to go on."""
        asked = self.ledger.asked(self.release)
        if asked is not None:
            return asked.sentence
        seen = {target: self._standing(target) for target in done}
        if not has_failed(wave, seen):
            return None
        lost = next(one for one in seen.values() if one.state == "failed")
        return f"wave `{wave.name}` failed in `{lost.target}`: {lost.sentence}"

    def _abort(self, targets: Sequence[str], why: str) -> None:
        """Ask it of every release that is under way; each is obeyed by its own walk."""
        for target in targets:
            engine = self.members[target].engine
            for service in self.release.wants.get(target, {}):
                rollout = engine.ledger.service(service).under_way
                if rollout is None or (target, rollout.release_id) in self._asked:
                    continue
                self._asked.add((target, rollout.release_id))
                try:
                    ask(engine, "abort", [service], self._asker(why))
                except (UsageError, ConflictError) as fault:  # it is over by now, or somebody else has asked
                    self.tell.progress(f"{target}: {service}: {fault.what}")

    def _end_walks(self, why: str) -> None:
        """See aborted what still walks where this release came to."""
        for target in self._reached:
            try:
                ended = end_walks(self.members[target].engine, target, self.release, self._asker(why), self.board.pause)
            except CrabwalkError as fault:
                self.tell.warn(f"{target}: whether anything still walks there is not known: {fault.what}")
                continue
            for one in ended:
                say = self.tell.warn if one.outcome in STANDS else self.tell.progress
                say(f"{target}: {one.service}: {one.sentence}")

    def _asker(self, why: str) -> Asker:
        return Asker(self.actor, self.release.claimed_actor, why)

    def _take_back(self, target: str) -> None:
        """One that cannot be reached keeps none of the others from going back; the next deploy tries it again."""
        self.tell.progress(f"{target}: it is taken back")
        member, voice = self.members[target], Voice(self.tell, target, self.board)
        try:
            take_back(member, target, self.release, self.actor, voice.progress)
        except CrabwalkError as fault:
            self._away.add(target)
            self.faults[target] = fault
            self.tell.warn(f"{target}: it could not be taken back: {fault.what}")
            return
        self._become(replace(self.release, back=(*self.release.back, target)))

    def _exit(self, held: Sequence[str] = ()) -> int:
        codes = [EXIT_CODES[one.outcome] for some in self.results.values() for one in some]
        codes += [fault.exit_code for fault in self.faults.values()]
        if self.release.phase == "stopped":
            codes.append(EXIT_CODES["rolled-back"])
        if held and not any(codes):
            codes.append(EXIT_CODES["held"])
        return worst(code if code in EXIT_CODES.values() else 1 for code in codes)
