"""The project file `crabwalk.yaml` and the environments it declares; light, because `rollback` and `status` import it.

Must never import pydantic, git, boto3 or rich: a test asserts it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline import __version__
from pipeline.errors import ManifestError, Problem, UsageError
from pipeline.manifest.document import read_document
from pipeline.manifest.node import Mark, Node, nearest

PROJECT_FILE = "crabwalk.yaml"
FORMAT = 1
LOCAL = "local"
MAX_FUNCTION_NAME = 64

_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?\Z")
_NAME_RULE = "up to 20 lower-case letters, digits and hyphens, a letter first"
_FORMS: Mapping[str, tuple[re.Pattern[str], str, str]] = {
    "account": (re.compile(r"[0-9]{12}\Z"), "an AWS account", "12 digits in quotes"),
    "region": (re.compile(r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]\Z"), "an AWS region", "for example `eu-west-1`"),
    "bucket": (
        re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z"),
        "a bucket's name",
        "3 to 63 lower-case letters, digits and hyphens",
    ),
    "permissions_boundary": (
        re.compile(
            r"(?:arn:aws[a-z-]*:iam::(?:[0-9]{12}|aws):policy/)?(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,128}\Z"
        ),
        "an IAM policy",
        "its ARN, or its name with its path, for example `crabwalk/github-shop-production-services`",
    ),
}
_PROJECT_KEYS = ("crabwalk", "project", "services", "stack", "environments", "build")
_ENVIRONMENT_TEXTS = ("account", "region", "bucket", "permissions_boundary")
_ENVIRONMENT_KEYS = (*_ENVIRONMENT_TEXTS, "kms", "stack")
_GLOB = "services/*/service.yaml"
OWN_STACK = "service"  # each service its own
_STACK = re.compile(r"(?!environment\Z)[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_STACK_RULE = f"up to 40 of a-z, 0-9 and -, a letter first; `{OWN_STACK}` is each service its own"
_BUILD_WORDS: Mapping[str, tuple[str, ...]] = {
    "compiler": ("cargo-zigbuild", "cargo", "cross"),
    "deny": ("auto", "required", "off"),
}


@dataclass(frozen=True)
class Environment:
    """An account, an endpoint, a region, a bucket, and how its metrics and leases run.

    `kms`: a key of its own encrypts the bucket. `stack`: of every service whose manifest names none, None = as the
    project says. `permissions_boundary`: the policy that limits every role of a service, by its name or its ARN.
    """

    name: str
    account: str
    region: str
    bucket: str
    endpoint: str | None = None
    credentials: tuple[str, str] | None = None
    period_s: int = 60
    lag_s: int = 120
    lease_s: int = 60
    tick_s: float = 15.0
    embedded: bool = False
    kms: bool = False
    stack: str | None = None
    permissions_boundary: str | None = None


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
    services_glob: str = _GLOB
    environments: tuple[Environment, ...] = ()
    services_mark: Mark | None = None  # where `services:` is written, None = the default
    build: BuildSettings = BuildSettings()
    stack: str = OWN_STACK  # of every service whose manifest names none

    @property
    def environment_names(self) -> tuple[str, ...]:
        """Every name `--env` and an overlay may use."""
        return (*(environment.name for environment in self.environments), LOCAL)

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
    name = _text(node, "project", problems, required=True)
    if name is not None and not _NAME.match(name):
        problems.append(fields["project"].mark.problem(f"project: `{name}` is not a project name", _NAME_RULE))
    glob = _text(node, "services", problems) or _GLOB
    parts = PurePosixPath(glob)
    if parts.is_absolute() or ".." in parts.parts or parts.suffix not in {".yaml", ".yml"}:
        what = f"services: `{glob}` must name YAML files below the project's folder"
        problems.append(fields["services"].mark.problem(what, f"for example `{_GLOB}`"))
        glob = _GLOB
    name = name or "unnamed"
    environments = _environments(fields.get("environments"), name, problems)
    mark = fields["services"].mark if "services" in fields else None
    build = _build(fields.get("build"), problems)
    return Project(name, root, glob, environments, mark, build, _stack(node, "", problems) or OWN_STACK)


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


def unknown_keys(node: Node, known: tuple[str, ...], path: str, problems: list[Problem]) -> None:
    """Adds a problem for every key of `node` that is not `known`."""
    problems.extend(
        mark.problem(f"{path}unknown key `{key}`", nearest(key, known))
        for key, mark in node.keys.items()
        if key not in known
    )


def _text(node: Node, key: str, problems: list[Problem], *, path: str = "", required: bool = False) -> str | None:
    child = (node.mapping or {}).get(key)
    if child is None:
        if required:
            problems.append(node.mark.problem(f"{path}the key `{key}` is missing"))
        return None
    if not isinstance(child.value, str) or not child.value:
        instead = f'write "{child.text}" in quotes' if child.text else ""
        problems.append(child.mark.problem(f"{path}{key}: must be text, not {child.shown()}", instead))
        return None
    return child.value


def _environments(node: Node | None, project: str, problems: list[Problem]) -> tuple[Environment, ...]:
    if node is None:
        return ()
    if node.mapping is None:
        problems.append(node.mark.problem(f"environments: must be a mapping of names, not {node.shown()}"))
        return ()
    found = (_environment(name, child, node.keys[name], project, problems) for name, child in node.mapping.items())
    return tuple(environment for environment in found if environment is not None)


def _environment(name: str, node: Node, key: Mark, project: str, problems: list[Problem]) -> Environment | None:
    path = f"environments.{name}: "
    if name == LOCAL:
        problems.append(key.problem(f"{path}`local` is the embedded AWS and needs no declaration", "remove it"))
        return None
    if not _NAME.match(name):
        problems.append(key.problem(f"environments: `{name}` is not an environment's name", _NAME_RULE))
        return None
    if node.mapping is None:
        problems.append(node.mark.problem(f"{path}must be a mapping with account and region, not {node.shown()}"))
        return None
    unknown_keys(node, _ENVIRONMENT_KEYS, path, problems)
    account = _text(node, "account", problems, path=path, required=True) or ""
    region = _text(node, "region", problems, path=path, required=True) or ""
    bucket = _text(node, "bucket", problems, path=path) or f"crabwalk-{project}-{name}-{account}"
    for field in _ENVIRONMENT_TEXTS:
        _check_form(node, field, path, problems)
    kms = node.mapping.get("kms")
    if kms is not None and not isinstance(kms.value, bool):
        problems.append(kms.mark.problem(f"{path}kms: must be true or false, not {kms.shown()}"))
    stack = _stack(node, path, problems)
    boundary = _text(node, "permissions_boundary", problems, path=path)
    own_key = kms is not None and kms.value is True
    return Environment(name, account, region, bucket, kms=own_key, stack=stack, permissions_boundary=boundary)


def _stack(node: Node, path: str, problems: list[Problem]) -> str | None:
    """The stack that is named, None where none is, and for one that cannot be."""
    said = _text(node, "stack", problems, path=path)
    if said is None or _STACK.match(said):
        return said
    what = f"{path}stack: `{said}` cannot be the name of a stack"
    rule = "the environment's own state has it" if said == "environment" else _STACK_RULE
    problems.append((node.mapping or {})["stack"].mark.problem(what, rule))
    return None


def _check_form(node: Node, key: str, path: str, problems: list[Problem]) -> None:
    form, what, rule = _FORMS[key]
    child = (node.mapping or {}).get(key)
    if child is not None and isinstance(child.value, str) and child.value and not form.match(child.value):
        problems.append(child.mark.problem(f"{path}{key}: `{child.value}` is not {what}", rule))


def _build(node: Node | None, problems: list[Problem]) -> BuildSettings:
    if node is None:
        return BuildSettings()
    if node.mapping is None:
        problems.append(node.mark.problem(f"build: must be a mapping, not {node.shown()}"))
        return BuildSettings()
    unknown_keys(node, (*_BUILD_WORDS, "auditable"), "build: ", problems)
    said = {key: _word(node.mapping[key], key, problems) for key in _BUILD_WORDS if key in node.mapping}
    auditable = node.mapping.get("auditable")
    if auditable is not None and not isinstance(auditable.value, bool):
        problems.append(auditable.mark.problem(f"build.auditable: must be true or false, not {auditable.shown()}"))
    given = {key: value for key, value in said.items() if value is not None}
    return BuildSettings(**given, auditable=auditable is not None and auditable.value is True)


def _word(node: Node, key: str, problems: list[Problem]) -> str | None:
    """One of the words `build.KEY` may be; `off` is text here, though YAML 1.1 reads it as false."""
    if node.text in _BUILD_WORDS[key] and isinstance(node.value, (str, bool)):
        return node.text
    what = f"build.{key}: {node.shown()} is not possible"
    problems.append(node.mark.problem(what, nearest(node.text, _BUILD_WORDS[key])))
    return None


def no_such_environment(project: Project, name: str) -> UsageError:
    """What to raise for an environment that is not declared."""
    hint = nearest(name, project.environment_names)
    return UsageError(f"no environment `{name}` in {PROJECT_FILE}", hint=hint)


def environment(project: Project, name: str | None) -> Environment:
    """The environment of that name; None means `local`, but only while the embedded AWS is up."""
    from pipeline.local import running

    declared = ", ".join(environment.name for environment in project.environments)
    if name is not None and name != LOCAL:
        for candidate in project.environments:
            if candidate.name == name:
                return candidate
        raise no_such_environment(project, name)
    up = running()
    if up is None:
        if name is None:
            hint = f"--env {'|'.join(project.environment_names)}"
            raise UsageError(f"which environment? declared: {declared or 'none'}; the embedded AWS is down", hint=hint)
        raise UsageError("the embedded AWS is not running", hint="crabwalk local up")
    return Environment(
        name=LOCAL,
        account="000000000000",
        region="us-east-1",
        bucket=f"crabwalk-{project.name}-{LOCAL}",
        endpoint=up.endpoint,
        credentials=("test", "test"),
        period_s=1,
        lag_s=1,
        lease_s=8,
        tick_s=0.5,
        embedded=True,
    )
