"""`crabwalk affected`: which services a deploy of this commit would release, and why. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.summarizing import summarize
from pipeline.errors import ManifestError, UsageError

if TYPE_CHECKING:
    from pipeline.report.console import Console
    from pipeline.workspace.affected import Affected, Described


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Compare with this commit instead of each service's last release.")
@click.option(
    "--merge-base", metavar="REF", help="Compare with where this branch left REF: what a pull request changes."
)
@click.option("--uncommitted", is_flag=True, help="Look at the work tree, also at new files; only for `local`.")
@click.option("--github", is_flag=True, help='Print a matrix for GitHub Actions, to be appended to "$GITHUB_OUTPUT".')
@click.option(
    "--and", "beside", metavar="TARGETS", help="With --github: and what these `targets` of an earlier call name."
)
@output_option
def command(
    services: tuple[str, ...],
    env_name: str | None,
    base: str | None,
    merge_base: str | None,
    *,
    uncommitted: bool,
    github: bool,
    beside: str | None,
    output: str,
) -> int:
    """Show which services the commit affects, each with its reasons.

    Each service is compared with the commit of its last promoted release in the environment, or with --base or
    --merge-base, which need no AWS. What cannot be told, as in a shallow clone, counts as affected.
    """
    here = Here(env_name, json=output == "json")
    if base is not None and merge_base is not None:
        raise UsageError("--base and --merge-base exclude each other")
    if github and output == "json":
        raise UsageError(
            "--github and --output json exclude each other", hint="the matrix is JSON in a line of its own"
        )
    if beside is not None and not github:
        raise UsageError("--and goes with --github")
    earlier = _targets(beside)
    with here.repo as repo:
        repo.look()
        if uncommitted:
            _check_uncommitted(here, base or merge_base)
        commit = _since(here, base, merge_base)
        try:
            if base is None and merge_base is None:
                found = _since_releases(here, services, uncommitted=uncommitted)
            else:
                found = _since_commit(here, services, commit, merge_base, uncommitted=uncommitted)
        except ManifestError as fault:
            raise fault if uncommitted else _explained(here, fault) from None
        removed = {} if services else _removed(here, found, commit)
        dirty = () if uncommitted else repo.dirty()
    if dirty:
        _warn_of_uncommitted(here, dirty)
    _warn_of_unknown(here.console, found)
    summarize(lambda limit: _in_words(here.repo.head, found, sorted(removed), limit))
    if github:
        _show_matrix(here.console, found, _by_architecture(here, found, earlier))
    elif output == "json":
        services_found = [_listed(one) for one in found]
        here.console.json({"commit": here.repo.head, "services": services_found, "removed": sorted(removed)})
    else:
        _show(here.console, found, removed)
    return 0


def _in_words(commit: str, found: Sequence[Affected], removed: Sequence[str], limit: int) -> str:
    from pipeline.report.markdown.affected import markdown

    return markdown(commit, found, removed, limit)


def _since(here: Here, base: str | None, merge_base: str | None) -> str | None:
    """The commit that was asked for; None when none was, or when there is none in common."""
    if base is not None:
        return here.repo.base(base)
    if merge_base is None:
        return None
    from pipeline.workspace.affected import merge_base as common

    return common(here.repo, merge_base)


def _since_releases(here: Here, only: Sequence[str], *, uncommitted: bool) -> Sequence[Affected]:
    fleet = here.fleet
    if fleet is not None:  # what any target lacks
        some: dict[str, Affected] = {}
        for target in fleet.targets:
            for one in _since_releases(here.member(target), only, uncommitted=uncommitted):
                if one.service not in some or (one.affected and not some[one.service].affected):
                    some[one.service] = one
        return [some[name] for name in sorted(some)]
    from pipeline.manifest.naming import named
    from pipeline.workspace.affected import affected

    chosen = tuple(one for one in named(here.services, only) if one.kind != "extension")
    bases = _bases(here, chosen)
    every = (*chosen, *_beside(here.services, chosen))
    found = affected(here.repo, here.project, every, bases, uncommitted=uncommitted, released=True)
    return [one for one in found if one.service in bases]


def _since_commit(
    here: Here, only: Sequence[str], commit: str | None, merge_base: str | None, *, uncommitted: bool
) -> Sequence[Affected]:
    from pipeline.manifest.naming import named
    from pipeline.workspace import declared
    from pipeline.workspace.affected import Reason, affected, everything, unknowable

    if commit is None:
        from pipeline.manifest import load_services

        reason = Reason("no-merge-base", f"HEAD and {merge_base} have no commit in common, so what changed is unknown")
        reason = (unknowable(here.repo, here.repo.head) or reason) if here.repo.shallow else reason
        return everything(named(load_services(here.project, here.env_name), only), reason)
    every = declared.services(here.project, here.env_name, here.repo, commit)
    some = named(every, only)
    names = {one.name for one in some}
    bases = dict.fromkeys([one.name for one in every], commit)
    found = affected(here.repo, here.project, (*some, *_beside(every, some)), bases, uncommitted=uncommitted)
    return [one for one in found if one.service in names]


def _explained(here: Here, fault: ManifestError) -> ManifestError:
    """Manifests are read as they lie here, so an edit nobody asked about can be what is wrong."""
    own = {(here.project.root / problem.file).resolve() for problem in fault.problems}
    edited = [path for path in here.repo.dirty() if here.repo.root / path in own]
    if edited:
        fault.hint = f"manifests are read as they lie here, and {edited[0]} is not committed: correct or stash it"
    return fault


def _removed(here: Here, found: Sequence[Affected], commit: str | None) -> Mapping[str, str]:
    """The services that are gone, and since which base: the commit asked for, else those of the others' releases."""
    from pipeline.workspace.removed import removed

    names = [one.service for one in found]
    bases = sorted({commit or one.base or "" for one in found} or {commit or ""})
    known = [base for base in bases if here.repo.has_commit(base)]
    return {name: base for base in known for name in removed(here.repo, here.project, base, names)}


def _warn_of_uncommitted(here: Here, dirty: Sequence[str]) -> None:
    from pipeline.workspace.removed import manifests

    more = f" and {len(dirty) - 3} more" if len(dirty) > 3 else ""
    but = ", but manifests are read as they lie here" if manifests(here.repo, here.project, dirty) else ""
    here.console.warn(f"uncommitted changes are not looked at{but}: {', '.join(dirty[:3])}{more}")


def _warn_of_unknown(console: Console, found: Sequence[Affected]) -> None:
    """Widening is never silent, also where stdout goes to a program."""
    from pipeline.workspace.affected import UNKNOWN

    reasons = [reason for one in found for reason in one.reasons if reason.kind in UNKNOWN]
    for reason in dict.fromkeys(reasons):
        count = f"{reasons.count(reason)} of {len(found)} service{'' if len(found) == 1 else 's'}"
        console.warn(f"counted as affected, {count}: {reason.detail}")


def _check_uncommitted(here: Here, base: str | None) -> None:
    """A release is what a commit says, so only the embedded AWS can be asked about a work tree."""
    from pipeline.manifest.environments import LOCAL

    name = here.env_name or (LOCAL if base is not None else here.env.name)
    if name != LOCAL:
        hint = "commit them, or ask about `local`"
        raise UsageError(f"uncommitted changes are never released to `{name}`", hint=hint)


def _beside(services: Sequence[Described], chosen: Sequence[Described]) -> tuple[Described, ...]:
    """The extensions of those that are chosen: a change of theirs is one of these."""
    names = {name for one in chosen for name in one.extensions} - {one.name for one in chosen}
    return tuple(one for one in services if one.name in names)


def _bases(here: Here, services: Sequence[Described]) -> Mapping[str, str | None]:
    records = {service.name: here.engine.ledger.service(service.name) for service in services}
    return {name: record.promoted.commit if record.promoted else None for name, record in records.items()}


def _show(console: Console, found: Sequence[Affected], removed: Mapping[str, str]) -> None:
    for one in found:
        since = f" since {one.base[:12]}" if one.base else ""
        if one.affected:
            console.title(f"{one.service}: affected{since}")
            for reason in one.reasons:
                console.line(f"  {reason.shown}")
        else:
            console.line(f"{one.service}: not affected{since}")
    for name, base in removed.items():
        console.line(f"{name}: its manifest is gone since {base[:12]}; what runs of it stays until it is taken down")
    count = sum(one.affected for one in found)
    console.note(f"{count} of {len(found)} service{'' if len(found) == 1 else 's'} affected")


def _show_matrix(console: Console, found: Sequence[Affected], targets: Mapping[str, Sequence[str]]) -> None:
    """GitHub refuses an empty matrix, hence `any` for the job's `if`."""
    named = sorted({one.service for one in found if one.affected}.union(*targets.values()))
    runs = [{"architecture": name, "services": " ".join(services)} for name, services in targets.items()]
    console.line(f"any={'true' if named else 'false'}")
    console.line(f"matrix={_compact([{'service': name} for name in named])}")
    console.line(f"targets={_compact(runs)}")


def _compact(include: Sequence[Mapping[str, str]]) -> str:
    return json.dumps({"include": include}, separators=(",", ":"))


def _targets(said: str | None) -> Mapping[str, Sequence[str]]:
    """Services by architecture, as an earlier call printed them."""
    if not said:
        return {}
    try:
        return {str(one["architecture"]): str(one["services"]).split() for one in json.loads(said)["include"]}
    except (ValueError, KeyError, TypeError):
        raise UsageError("--and takes what an earlier `affected --github` printed after `targets=`") from None


def _by_architecture(
    here: Here, found: Sequence[Affected], earlier: Mapping[str, Sequence[str]]
) -> Mapping[str, Sequence[str]]:
    """What is built in one cargo run each: all affected services of one architecture."""
    from pipeline.manifest import load_services

    hit = {one.service for one in found if one.affected}
    declared = load_services(here.project, here.env_name) if hit else ()
    runs = {name: {*services} for name, services in earlier.items()}
    for service in declared:
        if service.name in hit:
            runs.setdefault(service.architecture, set()).add(service.name)
    return {name: sorted(runs[name]) for name in sorted(runs)}


def _listed(one: Affected) -> dict[str, object]:
    reasons = [
        {
            "kind": reason.kind,
            "detail": reason.detail,
            "chain": reason.links,
            "files": [file._asdict() for file in reason.files],
        }
        for reason in one.reasons
    ]
    return {"service": one.service, "base": one.base, "affected": one.affected, "reasons": reasons}
