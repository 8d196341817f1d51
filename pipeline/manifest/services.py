"""Reads every service's manifest with its overlays and turns all faults into problems; the only reader of manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pipeline.errors import ManifestError, Problem
from pipeline.manifest import limits, limits_across, own_terraform, referring
from pipeline.manifest.document import read_document
from pipeline.manifest.models import Manifest, Service
from pipeline.manifest.node import Mark, Node, bounded
from pipeline.manifest.overlays import labelled, merged, of_members, overlays_of
from pipeline.manifest.package import check_package, unsafe_probes
from pipeline.manifest.places import Finding, Places
from pipeline.manifest.project import MAX_FUNCTION_NAME, Project, check_format
from pipeline.manifest.repair import Judged, judge
from pipeline.manifest.search import manifests

_OWN_KEYS = ("crabwalk", "overlays")
_LOCAL_ARCHITECTURE = "host"


@dataclass(frozen=True)
class _View:
    """A manifest as one environment sees it, as far as it could be judged."""

    judged: Judged
    places: Places

    @property
    def manifest(self) -> Manifest | None:
        """Also of a manifest with faults, without these."""
        return self.judged.manifest

    def sound(self, finding: Finding) -> Finding | None:
        """The finding at the file's paths; None when what it looked at is faulty itself."""
        path, *because = (self.judged.written(path) for path in (finding.path, *finding.because))
        if not finding.sure and self.judged.unsure(path, *because):
            return None
        return replace(finding, path=path, because=tuple(because))


@dataclass(frozen=True)
class _Sheet:
    """One file: without an overlay (None), and for every environment it has an overlay for."""

    file: Path
    views: Mapping[str | None, _View]

    def seen_by(self, environment: str | None) -> _View:
        return self.views.get(environment) or self.views[None]


@dataclass(frozen=True)
class _Said:
    """Where faults go, and where what is only unwise goes."""

    problems: list[Problem]
    warnings: list[Problem]

    def add(self, view: _View, findings: Iterable[Finding], known: frozenset[tuple[str, str]] = frozenset()) -> None:
        places = replace(view.places, said=view.places.said | known) if known else view.places
        for finding in findings:
            sound = view.sound(finding)
            problem = places.find(sound) if sound is not None else None
            if problem is not None:
                (self.warnings if finding.warning else self.problems).append(problem)

    def texts(self) -> frozenset[tuple[str, str]]:
        return frozenset((problem.what, problem.instead) for problem in (*self.problems, *self.warnings))


def load(project: Project, environment: str | None) -> tuple[Service, ...]:
    """All services by name; raises ManifestError with the problems of all files."""
    problems: list[Problem] = []
    services = read_services(project, environment, problems, [])
    if problems:
        raise ManifestError(problems)
    return services


def read_services(
    project: Project, environment: str | None, problems: list[Problem], warnings: list[Problem]
) -> tuple[Service, ...]:
    """As `load`, but collects the problems, and what is only unwise as warnings."""
    said = _Said([], [])
    files = _files(project, said)
    if not files and not said.problems and project.services_mark is not None:
        problems.append(project.services_mark.problem(f"services: no file matches `{project.services_glob}`"))
    sheets: list[_Sheet] = []
    names: dict[str, Mark] = {}
    for file in files:
        node = read_document(file, file.relative_to(project.root).as_posix(), said.problems)
        if node is None or node.mapping is None or not check_format(node, said.problems):
            continue
        _claim_name(node, names, said.problems)
        sheets.append(_sheet(project, file, node, said))
    _check_collisions(project, names, said.problems)
    _check_together(project, sheets, names, said)
    # an overlay repeats what its base says wrong
    problems.extend(bounded(dict.fromkeys(_labelled(said.problems, sheets))))
    warnings.extend(bounded(dict.fromkeys(_labelled(said.warnings, sheets))))
    return tuple(sorted(_services(project, sheets, environment), key=lambda service: service.name))


def _labelled(problems: list[Problem], sheets: Iterable[_Sheet]) -> Iterator[Problem]:
    concerned = {problem.file for problem in problems}
    views = (item for sheet in sheets for item in sheet.views.items())
    overlays = (
        (name, view.places.overlay)
        for name, view in views
        if name is not None and view.places.overlay is not None and view.places.overlay.mark.file in concerned
    )
    return labelled(problems, overlays)


def _services(project: Project, sheets: Iterable[_Sheet], environment: str | None) -> Iterator[Service]:
    for sheet in sheets:
        judged = sheet.seen_by(environment).judged
        manifest = judged.manifest
        if manifest is not None and judged.valid:
            fields = vars(manifest)
            if "stack" not in manifest.model_fields_set:
                fields = {**fields, "stack": project.stack_of(environment, manifest.name)}
            yield Service.model_construct(
                manifest.model_fields_set, **fields, directory=sheet.file.parent, file=sheet.file
            )


def _files(project: Project, said: _Said) -> tuple[Path, ...]:
    """The manifests; what looks like one and is none is said."""
    found, name = manifests(project), PurePosixPath(project.services_glob).name
    for path in found.misnamed:
        mark = Mark(path.relative_to(project.root).as_posix(), 1, 1)
        what = f"is not read: manifests are `{project.services_glob}`"
        said.warnings.append(mark.problem(what, f"rename it to {name}, or remove it"))
    for path in found.unreadable:
        mark = Mark(path.relative_to(project.root).as_posix(), 1, 1)
        what = "a folder, not a file" if path.is_dir() else "a link that leads to no file"
        said.problems.append(mark.problem(f"cannot be read: {what}", "a manifest is a file"))
    return found.files


def _check_collisions(project: Project, names: dict[str, Mark], problems: list[Problem]) -> None:
    """`a-b` in `c` and `b` in `c-a` would be one function where the environments share an account and region."""
    taken: dict[tuple[str, str, str], tuple[str, str]] = {}
    for environment in project.environments:
        for name, mark in names.items():
            function = project.function_name(environment.name, name)
            place = (environment.account, environment.region, function)
            other = taken.setdefault(place, (environment.name, name))
            if other != (environment.name, name):
                what = f"name: `{name}` in `{environment.name}` and `{other[1]}` in `{other[0]}` are both `{function}`"
                problems.append(mark.problem(what, "rename one of them"))


def _claim_name(node: Node, names: dict[str, Mark], problems: list[Problem]) -> None:
    name = (node.mapping or {}).get("name")
    if name is None or not isinstance(name.value, str):
        return
    first = names.setdefault(name.value, name.mark)
    if first is not name.mark:
        other = f"{first.file}:{first.line}:{first.column}"
        problems.append(name.mark.problem(f"name: `{name.value}` is already taken", f"by {other}"))


def _sheet(project: Project, file: Path, node: Node, said: _Said) -> _Sheet:
    base = _without(node, _OWN_KEYS)
    first = _Said([], [])
    bare = _view(project, file, Places(base), first)
    views: dict[str | None, _View] = {None: bare}
    _check_function_names(project, base, first.problems)
    known = first.texts()
    overlays = overlays_of(node, project.environment_names, first.problems)
    local = project.embedded_names
    seen: dict[tuple[int, bool], _View] = {}
    for name, overlay in of_members(base, overlays, project.fleets).items():
        key = (id(overlay), name in local)
        if key not in seen:
            places = Places(merged(base, overlay), overlay, known)
            seen[key] = _view(project, file, places, first, local=name in local, like=bare.judged)
        views[name] = seen[key]
    said.problems.extend(first.problems)
    said.warnings.extend(first.warnings)
    said.problems.extend(_of_own_terraform(project, file, views.values()))
    return _Sheet(file, views)


def _of_own_terraform(project: Project, file: Path, views: Iterable[_View]) -> Iterator[Problem]:
    """What is wrong with `infra/` beside the manifest."""
    own = own_terraform.read(file.parent, file.parent.relative_to(project.root).as_posix())
    if own is not None:
        manifests = [view.manifest for view in views if view.manifest is not None]
        yield from own.problems
        yield from own_terraform.unknown(own, own_terraform.passed(manifests))


def _view(
    project: Project,
    file: Path,
    places: Places,
    said: _Said,
    *,
    local: bool = False,
    like: Judged | None = None,
) -> _View:
    """`local`: as the embedded AWS sees it. `like`: the manifest without an overlay, whose files were looked at."""
    host = (places.root.mapping or {}).get("architecture")
    here = local and host is not None and host.value == _LOCAL_ARCHITECTURE
    judged = judge(places, {"architecture": host_architecture()} if here else {}, said.problems)
    manifest = judged.manifest
    view = _View(judged, places)
    if manifest is None:
        return view
    if not judged.unsure(("kind",)):
        said.add(view, limits.findings(manifest))
    if like is None or like.manifest is None or _files_named(like.manifest) != _files_named(manifest):
        check_package(project.root, file.parent, judged, manifest, said.problems)
        said.add(view, unsafe_probes(file.parent, manifest))
    return view


def _files_named(manifest: Manifest) -> tuple[object, ...]:
    release = manifest.release
    around = (release.smoke, release.probe, release.hooks)
    return (manifest.package, manifest.binary, manifest.features, manifest.inputs, *around)


def _without(node: Node, keys: tuple[str, ...]) -> Node:
    values = {key: child for key, child in (node.mapping or {}).items() if key not in keys}
    return Node(node.mark, values, keys={key: node.keys[key] for key in values})


def _check_together(project: Project, sheets: list[_Sheet], names: Mapping[str, Mark], said: _Said) -> None:
    """What only several manifests, or one and an environment, show: without overlays, then as each environment."""
    variants = [
        referring.Variant(view.manifest, view.judged.node, environment, view.judged.doubts)
        for sheet in sheets
        for environment, view in sheet.views.items()
        if view.manifest is not None and not view.judged.unsure(("name",))
    ]
    referring.check(variants, names, said.problems)
    first = _Said([], [])
    for environment in (None, *project.environment_names):
        if environment is not None and not any(environment in sheet.views for sheet in sheets):
            continue  # as without overlays
        seen = {
            view.manifest.name: view
            for view in (sheet.seen_by(environment) for sheet in sheets)
            if view.manifest is not None and not view.judged.unsure(("name",))
        }
        known = first.texts()
        for name, finding in limits_across.findings(_comparable(seen)):
            first.add(seen[name], [finding], known)
    for declared in project.environments:
        for sheet in sheets:
            view = sheet.seen_by(declared.name)
            if view.manifest is not None:
                first.add(view, limits_across.in_region(view.manifest, declared))
    said.problems.extend(first.problems)
    said.warnings.extend(first.warnings)


def _comparable(seen: Mapping[str, _View]) -> dict[str, Manifest]:
    """The manifests as others may rely on them: without resources that are faulty."""
    found: dict[str, Manifest] = {}
    for name, view in seen.items():
        manifest, judged = view.manifest, view.judged
        if manifest is None:
            continue
        if not judged.valid:
            sure = {
                key: resource for key, resource in manifest.resources.items() if not judged.unsure(("resources", key))
            }
            manifest = manifest.model_copy(update={"resources": sure})
        found[name] = manifest
    return found


def host_architecture() -> str:
    """This machine's architecture, in Lambda's word."""
    import platform

    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def _check_function_names(project: Project, node: Node, problems: list[Problem]) -> None:
    name = (node.mapping or {}).get("name")
    if name is None or not isinstance(name.value, str):
        return
    longest = max(project.environment_names, key=len)
    function = project.function_name(longest, name.value)
    if len(function) > MAX_FUNCTION_NAME:
        spare = len(function) - MAX_FUNCTION_NAME
        what = f"name: the function's name `{function}` would take {len(function)} characters"
        problems.append(name.mark.problem(what, f"Lambda takes {MAX_FUNCTION_NAME}: shorten it by {spare}"))
