"""Gathers what `prune` decides on, and carries its plan out: under the service's lease, versions first, then zips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from pipeline.aws.aliases import NotFoundError
from pipeline.aws.versions import Versions
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.prune import KEEP, Facts, PrunePlan, needed_by_others, plan_prune
from pipeline.release.walk.act import Engine

ARTIFACTS = "artifacts/"
STATES = "terraform/"
HISTORY = 100  # entries of a service that are looked at: each is a read


class Cleaner:
    """The versions and zips of one environment; `name` tells a service's function.

    `reserved`: zips (hex SHA-256) that are needed besides, and by whom.
    """

    def __init__(
        self, env: Environment, engine: Engine, name: Callable[[str], str], reserved: Mapping[str, str] | None = None
    ) -> None:
        self._env, self._engine, self._name, self._reserved = env, engine, name, reserved or {}
        self._versions = Versions(env)

    def facts(self) -> dict[str, Facts]:
        """Every service the ledger knows that has a function. Raises AwsError."""
        stored = frozenset(self._stored())
        found = {}
        for service in self._engine.ledger.services():
            with suppress(NotFoundError):
                found[service] = self._facts(service, stored)
        return found

    def plan(self, service: str, all_facts: Mapping[str, Facts], keep: int = KEEP) -> PrunePlan:
        """What may go of one service, seen beside all others."""
        others = [facts for name, facts in all_facts.items() if name != service]
        try:
            needed = needed_by_others(others, self._states(), keep)
        except ValueError as error:
            raise AwsError(
                f"a Terraform state in s3://{self._env.bucket}/{STATES} cannot be read: {error}",
                hint="nothing was deleted: what it needs is not known",
            ) from error
        return plan_prune(all_facts[service], {**self._reserved, **needed}, keep)

    def execute(
        self, planned: PrunePlan, all_facts: Mapping[str, Facts], keep: int, say: Callable[[str], None]
    ) -> PrunePlan:
        """Delete what a plan made anew under the lease names; what was done.

        Raises ConflictError when somebody works on the service, AwsError when AWS refuses.
        """
        with Lease(self._engine.objects, planned.service, ttl_s=self._env.lease_s, doing="prune").acquire(say) as lease:
            now = {**all_facts, planned.service: self._facts(planned.service, frozenset(self._stored()))}
            plan = self.plan(planned.service, now, keep)
            gone = []
            for version in plan.deletes:
                lease.check()
                if self._delete(plan, version, say):
                    gone.append(version)
            if len(gone) == len(plan.deletes):  # else a zip may still be needed
                for sha in plan.frees:
                    lease.check()
                    self._engine.objects.delete(f"{ARTIFACTS}{sha}.zip")
        return plan

    def _delete(self, plan: PrunePlan, version: str, say: Callable[[str], None]) -> bool:
        """Delete a version unless an alias was moved to it meanwhile."""
        aliases = self._versions.aliases(plan.function)
        taken = next((one.name for one in aliases if version in {one.version, *one.weights}), None)
        if taken is not None:
            say(f"version {version} stays: alias `{taken}` was moved to it meanwhile")
            return False
        with suppress(NotFoundError):
            self._versions.delete(plan.function, version)
        return True

    def _facts(self, service: str, stored: frozenset[str]) -> Facts:
        function, ledger = self._name(service), self._engine.ledger
        return Facts(
            service=service,
            function=function,
            versions=self._versions.published(function),
            aliases=self._versions.aliases(function),
            record=ledger.service(service),
            history=ledger.history(service, HISTORY),
            stored=stored,
        )

    def _stored(self) -> list[str]:
        keys = self._engine.objects.keys(ARTIFACTS)
        return [key.removeprefix(ARTIFACTS).removesuffix(".zip") for key in keys if key.endswith(".zip")]

    def _states(self) -> dict[str, bytes]:
        found = {}
        for key in self._engine.objects.keys(STATES):
            if key.endswith(".tfstate") and (stored := self._engine.objects.get(key)) is not None:
                found[key] = stored.body
        return found
