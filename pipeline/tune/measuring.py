"""Measures a service at several memory sizes on versions of its own, and leaves the function as it was.

What is changed meanwhile: the memory of `$LATEST`, versions published from it, and the alias `crabwalk-tune`, which is
made first and says what memory to put back. So whoever comes after a run that was killed finds the alias and can tidy
up. All of it happens under the service's lease.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pipeline.aws.functions import Functions, FunctionState, NotFoundError
from pipeline.aws.scratch import SCRATCH, Scratch
from pipeline.aws.versions import Versions
from pipeline.errors import ConflictError, CrabwalkError, UsageError
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import ALIAS, LATEST
from pipeline.release.walk.act import Engine
from pipeline.tune.model import Invoked, Measured

MARK = "crabwalk tune"  # how the description of all that is made here begins
_MEMORY = re.compile(rf"{MARK} of (\d+) MB")

Report = Callable[[str], tuple[float, float, float | None, int] | None]
"""What a log says of its invocation: duration and billed ms, init ms if there was one, memory used."""


@dataclass(frozen=True)
class Subject:
    """What is measured: a function by its service, the events that are sent in turn, and how often."""

    service: str
    function: str
    events: tuple[bytes, ...]
    invocations: int


class Bench:
    """Measures in one environment; `cpu_ms` tells a version's processor time where that can be known."""

    def __init__(
        self,
        engine: Engine,
        report: Report,
        say: Callable[[str], None],
        cpu_ms: Callable[[str, str], float | None] | None = None,
    ) -> None:
        self._engine, self._report, self._say = engine, report, say
        self._cpu_ms = cpu_ms or (lambda _function, _version: None)
        self._functions: Functions = engine.functions
        self._scratch, self._versions = Scratch(engine.env), Versions(engine.env)

    def measure(self, subject: Subject, sizes: Sequence[int]) -> tuple[Measured, ...]:
        """Each size in turn. Raises ConflictError where a release is under way or `$LATEST` holds other code.

        However it ends, what was changed is put back; what cannot be is put back by the next run.
        """
        ttl_s = self._engine.env.lease_s
        with Lease(self._engine.objects, subject.service, ttl_s=ttl_s, doing="tune").acquire(self._say) as lease:
            self._check(subject)
            self.tidy(subject.function)
            with self._borrowed(subject.function) as before:
                found = []
                for memory_mb in sizes:
                    lease.check()
                    self._say(f"{subject.service} with {memory_mb:,} MB")
                    found.append(self._size(subject, memory_mb, before))
            return tuple(found)

    def tidy(self, function: str) -> None:
        """Take away what a run that was killed left: its alias, its versions, its memory."""
        left = self._scratch.read(function)
        if left is not None:
            self._say("an earlier run was killed: what it left is put back first")
            self._put_back(function, left.description)

    def _check(self, subject: Subject) -> None:
        record = self._engine.ledger.service(subject.service)
        if record.under_way is not None:
            env = self._engine.env.name
            raise ConflictError(
                f"release {record.under_way.release_id} of `{subject.service}` is under way",
                hint=f"wait until it is over: crabwalk status {subject.service} --env {env}",
            )

    @contextmanager
    def _borrowed(self, function: str) -> Iterator[FunctionState]:
        """`$LATEST` as it is before; afterwards it is so again."""
        alias = self._functions.alias(function, ALIAS)
        if alias.version == LATEST:
            raise UsageError(f"function `{function}` was never released", hint="deploy it first")
        before = self._settled(function)
        live = self._functions.state(function, alias.version)
        if before.code_sha256 != live.code_sha256:
            raise ConflictError(
                f"$LATEST of `{function}` holds other code than version {alias.version}, which has the traffic",
                hint="deploy or roll back until both are the same, then tune",
            )
        mark = f"{MARK} of {before.configuration.memory_mb} MB"
        self._scratch.create(function, alias.version, mark)
        try:
            yield before
        finally:
            self._put_back(function, mark)

    def _put_back(self, function: str, mark: str) -> None:
        """`$LATEST`'s memory, then the versions, at last the alias that tells of them."""
        told = _MEMORY.match(mark)
        state = self._settled(function)
        if told is not None and int(told[1]) != state.configuration.memory_mb:
            self._scratch.resize(function, int(told[1]), state.revision)
            self._settled(function)
        with suppress(NotFoundError):  # a version that an alias leads to cannot be deleted
            self._scratch.point(function, self._functions.alias(function, ALIAS).version)
        for version in self._versions.published(function):
            if version.description.startswith(MARK):
                with suppress(NotFoundError):
                    self._versions.delete(function, version.number)
        with suppress(NotFoundError):
            self._scratch.delete(function)

    def _settled(self, function: str, qualifier: str | None = None) -> FunctionState:
        return self._functions.settle(function, qualifier, time.sleep, now=time.monotonic)

    def _size(self, subject: Subject, memory_mb: int, before: FunctionState) -> Measured:
        function = subject.function
        state = self._settled(function)
        if state.configuration.memory_mb != memory_mb:
            self._scratch.resize(function, memory_mb, state.revision)
            state = self._settled(function)
        if state.code_sha256 != before.code_sha256:
            raise ConflictError(f"function `{function}` was changed by somebody else meanwhile", where=function)
        description = f"{MARK}: {memory_mb} MB"
        made = self._functions.publish(
            function, code_sha256=state.code_sha256, revision=state.revision, description=description
        )
        self._settled(function, made.version)
        self._scratch.point(function, made.version)
        return self._invoked(subject, memory_mb, made.version)

    def _invoked(self, subject: Subject, memory_mb: int, version: str) -> Measured:
        """One invocation that starts the environment and is not counted, then those that are."""
        found: list[Invoked] = []
        init_ms, used_mb = None, 0
        for number in range(subject.invocations + 1):
            event = subject.events[number % len(subject.events)]
            before = self._cpu_ms(subject.function, version)
            try:
                answer = self._functions.invoke(subject.function, SCRATCH, event, tail=True)
            except CrabwalkError as fault:
                return Measured(memory_mb, fault=fault.what)
            if answer.error:
                return Measured(memory_mb, fault=f"{answer.error}: {_words(answer.payload)}")
            told = self._report(answer.log)
            if told is None:
                return Measured(memory_mb, fault="the log did not say how long it took")
            after = self._cpu_ms(subject.function, version)
            duration, billed, init, used = told
            used_mb = max(used_mb, used)
            if init is not None:
                init_ms = init if init_ms is None else init_ms
            if number and init is None:
                cpu = after - before if before is not None and after is not None else None
                found.append(Invoked(duration, billed, cpu))
        if not found:
            return Measured(memory_mb, fault="every invocation was a cold start")
        return Measured(memory_mb, tuple(found), init_ms, used_mb or None)


def _words(payload: object) -> str:
    if isinstance(payload, dict) and payload.get("errorMessage") is not None:
        return str(payload["errorMessage"])
    return str(payload)
