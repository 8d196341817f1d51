"""Reads every service's manifest with its overlays and turns all faults into problems; the only reader of manifests."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import ManifestError, Problem
from pipeline.manifest.document import Mark, Node, read_document
from pipeline.manifest.limits import findings
from pipeline.manifest.messages import problems_of
from pipeline.manifest.models import Manifest, Service
from pipeline.manifest.overlays import merged, overlays_of
from pipeline.manifest.package import check_package
from pipeline.manifest.places import Places
from pipeline.manifest.project import LOCAL, MAX_FUNCTION_NAME, Project, check_format
from pipeline.manifest.rules import FROM_YAML

_OWN_KEYS = ("crabwalk", "overlays")
_LOCAL_ARCHITECTURE = "host"


def load(project: Project, environment: str | None) -> tuple[Service, ...]:
    """All services by name; raises ManifestError with the problems of all files."""
    problems: list[Problem] = []
    services = read_services(project, environment, problems)
    if problems:
        raise ManifestError(problems)
    return services


def read_services(project: Project, environment: str | None, problems: list[Problem]) -> tuple[Service, ...]:
    """As `load`, but collects the problems."""
    files = _files(project)
    if not files and project.services_mark is not None:
        problems.append(project.services_mark.problem(f"services: no file matches `{project.services_glob}`"))
    found: list[Problem] = []
    services: list[Service] = []
    names: dict[str, Mark] = {}
    for file in files:
        label = file.relative_to(project.root).as_posix()
        node = read_document(file, label, found)
        if node is None or node.mapping is None:
            continue
        _claim_name(node, names, found)
        service = _service(project, environment, file, node, found)
        if service is not None:
            services.append(service)
    _check_collisions(project, names, found)
    problems.extend(dict.fromkeys(found))  # an overlay repeats what its base says wrong
    return tuple(sorted(services, key=lambda service: service.name))


def _files(project: Project) -> list[Path]:
    """The manifests; what tools leave behind (`target`, hidden folders) is not searched."""
    found = []
    for path in project.root.glob(project.services_glob):
        folders = path.relative_to(project.root).parts[:-1]
        if path.is_file() and not any(folder == "target" or folder.startswith(".") for folder in folders):
            found.append(path)
    return sorted(found)


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


def _service(
    project: Project, environment: str | None, file: Path, node: Node, problems: list[Problem]
) -> Service | None:
    check_format(node, problems)
    base = _without(node, _OWN_KEYS)
    said: list[Problem] = []
    manifest = _validated(Places(base), None, said)
    problems.extend(said)
    known = frozenset((problem.what, problem.instead) for problem in said)
    _check_function_names(project, base, problems)
    if manifest is not None:
        check_package(project.root, file.parent, base, manifest, problems)
    for name, overlay in overlays_of(node, project.environment_names, problems).items():
        merge = merged(base, overlay)
        variant = _validated(Places(merge, overlay, known), name, problems)
        if variant is not None:
            check_package(project.root, file.parent, merge, variant, problems)
        if name == environment:
            manifest = variant
    if manifest is None:
        return None
    return Service.model_construct(**vars(manifest), directory=file.parent, file=file)


def _without(node: Node, keys: tuple[str, ...]) -> Node:
    values = {key: child for key, child in (node.mapping or {}).items() if key not in keys}
    return Node(node.mark, values, keys={key: node.keys[key] for key in values})


def _validated(places: Places, environment: str | None, problems: list[Problem]) -> Manifest | None:
    data = places.root.plain()
    if data.get("architecture") == _LOCAL_ARCHITECTURE and environment == LOCAL:
        data["architecture"] = host_architecture()
    try:
        manifest = Manifest.model_validate(data, context=FROM_YAML, by_alias=True, by_name=False)
    except ValidationError as error:
        problems.extend(problems_of(error, places, Manifest))
        return None
    for finding in findings(manifest):
        problem = places.find(finding)
        if problem is not None:
            problems.append(problem)
    return manifest


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
