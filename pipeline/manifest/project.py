"""The project file `crabwalk.yaml` and the environments it declares; light, because `rollback` and `status` import it.

Must never import pydantic, git, boto3 or rich: a test asserts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.errors import ManifestError, Problem, UsageError
from pipeline.manifest.document import read_document
from pipeline.manifest.environments import (
    LOCAL,
    NAME,
    NAME_RULE,
    OWN_STACK,
    Environment,
    embedded,
    environments,
    stack_named,
)
from pipeline.manifest.keys import text, unknown_keys
from pipeline.manifest.node import Mark, Node, nearest

if TYPE_CHECKING:
    from pipeline.manifest.fleets import Fleet

PROJECT_FILE = "crabwalk.yaml"
FORMAT = 1
MAX_FUNCTION_NAME = 64

_PROJECT_KEYS = ("crabwalk", "project", "services", "stack", "environments", "build")
GLOB = "services/*/service.yaml"
BUILD_WORDS: Mapping[str, tuple[str, ...]] = {
    "compiler": ("cargo-zigbuild", "cargo", "cross"),
    "deny": ("auto", "required", "off"),
}


@dataclass(frozen=True)
class BuildSettings:
    """How every service is built: `build:` of the project file.

    `compiler`: what cargo-lambda links with. `auditable`: the list of crates goes into the binary. `deny`: whether
    cargo-deny must pass; auto = in CI, and elsewhere where it is installed.
    """

    compiler: str = "cargo-zigbuild"
    auditable: bool = False
    deny: str = "auto"


@dataclass(frozen=True)
class Project:
    """The repository's project file; `environments` are the declared ones, `local` is not among them."""

    name: str
    root: Path
    services_glob: str = GLOB
    environments: tuple[Environment, ...] = ()
    services_mark: Mark | None = None  # where `services:` is written, None = the default
    build: BuildSettings = BuildSettings()
    stack: str = OWN_STACK  # of every service whose manifest names none
    local: Environment | None = None  # what is said of the embedded AWS
    fleets: tuple[Fleet, ...] = ()  # environments of many targets, whose members are among `environments`

    @property
    def environment_names(self) -> tuple[str, ...]:
        """Every name `--env` and an overlay may use."""
        many = (fleet.name for fleet in self.fleets if fleet.name != LOCAL)
        return (*(environment.name for environment in self.environments), *many, LOCAL)

    @property
    def embedded_names(self) -> frozenset[str]:
        """The environments that are in the embedded AWS."""
        return frozenset({LOCAL, *(environment.name for environment in self.environments if environment.embedded)})

    def fleet(self, name: str | None) -> Fleet | None:
        """The environment of many targets that is called so, if one is."""
        return next((fleet for fleet in self.fleets if fleet.name == name), None)

    def stack_of(self, environment: str | None, service: str) -> str:
        """The stack of a service whose manifest names none."""
        own = next((one.stack for one in self.environments if one.name == environment), None)
        said = own or self.stack
        return service if said == OWN_STACK else said

    def function_name(self, environment: str, service: str) -> str:
        return f"{self.name}-{environment}-{service}"


def find_project(start: Path) -> Path:
    """The nearest folder from `start` upwards that has a project file."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise UsageError(
        f"no {PROJECT_FILE} in {here} or any folder above it",
        hint="change to the repository, or begin one: crabwalk init",
    )


def load_project(root: Path) -> Project:
    """Reads and validates `root`'s project file; raises ManifestError with all its problems."""
    problems: list[Problem] = []
    project = read_project(root, problems)
    if project is None or problems:
        raise ManifestError(problems)
    return project


def read_project(root: Path, problems: list[Problem]) -> Project | None:
    """As `load_project`, but collects the problems and returns what can be told, so that `check` can go on.

    None when the file as a whole cannot be read; a project that came with problems must not be used otherwise.
    """
    root = root.resolve()
    node = read_document(root / PROJECT_FILE, PROJECT_FILE, problems)
    if node is None or node.mapping is None:
        return None
    fields = node.mapping
    unknown_keys(node, _PROJECT_KEYS, "", problems)
    check_format(node, problems)
    name = text(node, "project", problems, required=True)
    if name is not None and not NAME.match(name):
        problems.append(fields["project"].mark.problem(f"project: `{name}` is not a project name", NAME_RULE))
    glob = text(node, "services", problems) or GLOB
    parts = PurePosixPath(glob)
    if parts.is_absolute() or ".." in parts.parts or parts.suffix not in {".yaml", ".yml"}:
        what = f"services: `{glob}` must name YAML files below the project's folder"
        problems.append(fields["services"].mark.problem(what, f"for example `{GLOB}`"))
        glob = GLOB
    name = name or "unnamed"
    fleets: list[Fleet] = []
    declared = environments(fields.get("environments"), name, problems, fleets)
    local = next((one for one in declared if one.name == LOCAL), None) or embedded(name)
    others = tuple(one for one in declared if one.name != LOCAL)
    mark = fields["services"].mark if "services" in fields else None
    build = _build(fields.get("build"), problems)
    stack = stack_named(node, "", problems) or OWN_STACK
    return Project(name, root, glob, others, mark, build, stack, local, tuple(fleets))


def check_format(node: Node, problems: list[Problem]) -> bool:
    """The key `crabwalk: 1`, which every file begins with; False for a newer format, whose keys cannot be judged."""
    version = (node.mapping or {}).get("crabwalk")
    write = f"write `crabwalk: {FORMAT}`"
    if version is None:
        problems.append(node.mark.problem("the key `crabwalk` is missing", f"{write} first"))
    elif not isinstance(version.value, int) or isinstance(version.value, bool):
        what = f"crabwalk: {version.shown()} is not a format version, which is a whole number"
        quoted = isinstance(version.value, str) and version.value == str(FORMAT)
        problems.append(version.mark.problem(what, "remove the quotes" if quoted else write))
    elif version.value > FORMAT:
        what = f"crabwalk: format {version.shown()} is newer than this crabwalk, which reads {FORMAT}"
        problems.append(version.mark.problem(what, f"upgrade crabwalk: this one is {__version__}"))
        return False
    elif version.value < FORMAT:
        what = f"crabwalk: there never was a format {version.shown()}"
        problems.append(version.mark.problem(what, f"{write}, the first one"))
    return True


def _build(node: Node | None, problems: list[Problem]) -> BuildSettings:
    if node is None:
        return BuildSettings()
    if node.mapping is None:
        problems.append(node.mark.problem(f"build: must be a mapping, not {node.shown()}"))
        return BuildSettings()
    unknown_keys(node, (*BUILD_WORDS, "auditable"), "build: ", problems)
    said = {key: _word(node.mapping[key], key, problems) for key in BUILD_WORDS if key in node.mapping}
    auditable = node.mapping.get("auditable")
    if auditable is not None and not isinstance(auditable.value, bool):
        problems.append(auditable.mark.problem(f"build.auditable: must be true or false, not {auditable.shown()}"))
    given = {key: value for key, value in said.items() if value is not None}
    return BuildSettings(**given, auditable=auditable is not None and auditable.value is True)


def _word(node: Node, key: str, problems: list[Problem]) -> str | None:
    """One of the words `build.KEY` may be; `off` is text here, though YAML 1.1 reads it as false."""
    if node.text in BUILD_WORDS[key] and isinstance(node.value, (str, bool)):
        return node.text
    what = f"build.{key}: {node.shown()} is not possible"
    problems.append(node.mark.problem(what, nearest(node.text, BUILD_WORDS[key])))
    return None


def no_such_environment(project: Project, name: str) -> UsageError:
    """What to raise for an environment that is not declared."""
    hint = nearest(name, project.environment_names)
    return UsageError(f"no environment `{name}` in {PROJECT_FILE}", hint=hint)


def environment(project: Project, name: str | None) -> Environment:
    """The environment of that name; None means `local`, but only while the embedded AWS is up.

    UsageError also for one of many targets: whoever can work on all of them asks `Project.fleet` first.
    """
    from pipeline.local import running

    found = next((one for one in project.environments if one.name == name), None)
    if found is not None and not found.embedded:
        return found
    if name is not None and name != LOCAL and found is None and project.fleet(name) is None:
        raise no_such_environment(project, name)
    fleet = project.fleet(name or LOCAL)
    up = running() if name in {None, LOCAL} or found is not None else None
    if fleet is not None and (name is not None or up is not None):
        raise _many(fleet)
    if up is None:
        if name is None:
            declared = ", ".join(environment.name for environment in project.environments)
            hint = f"--env {'|'.join(project.environment_names)}"
            raise UsageError(f"which environment? declared: {declared or 'none'}; the embedded AWS is down", hint=hint)
        raise UsageError("the embedded AWS is not running", hint="crabwalk local up")
    return replace(found or project.local or embedded(project.name), endpoint=up.endpoint)


def _many(fleet: Fleet) -> UsageError:
    names = ", ".join(fleet.members)
    return UsageError(
        f"`{fleet.name}` is {len(fleet.members)} targets, and this works on one", hint=f"name a target: --env {names}"
    )
