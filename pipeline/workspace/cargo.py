"""What a Cargo.toml says about the binary: its dependencies, and which of its keys the compiler sees. Pure.

Normal, build and target dependencies count, optional ones too. Dev-dependencies do not: they are not in the binary.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_DEPENDENCIES = ("dependencies", "build-dependencies", "build_dependencies")
# Keys of [package] that neither the compiler nor env!("CARGO_PKG_...") sees.
_UNBUILT = frozenset(
    [
        "publish",
        "keywords",
        "categories",
        "documentation",
        "include",
        "exclude",
        "metadata",
        "badges",
        "default-run",
        "workspace",
        "autotests",
        "autobenches",
        "autoexamples",
    ]
)
# Tables that no binary is made from; lints only decide what the compiler complains about.
_UNBUILT_TABLES = frozenset(
    [
        "dev-dependencies",
        "dev_dependencies",
        "test",
        "bench",
        "example",
        "badges",
        "lints",
        "workspace",
        "profile",
        "patch",
        "replace",
    ]
)
# What tools of the build read from [package.metadata] and [workspace.metadata].
_READ_METADATA = ("lambda", "cross", "system-deps")
_OTHER_PROFILES = frozenset({"dev", "test", "bench", "doc"})


class Dependency(NamedTuple):
    """One entry of a dependency table. Tuples: a thousand manifests make several thousand of these."""

    key: str
    package: str
    path: str | None
    inherited: bool
    features: tuple[str, ...]
    default_features: bool | None  # None where the entry does not say


class Root(NamedTuple):
    """What a manifest with [workspace], or one that is its own workspace, decides for its members."""

    members: tuple[str, ...]
    exclude: tuple[str, ...]
    dependencies: Mapping[str, Any]  # [workspace.dependencies] as written
    patches: tuple[str, ...]  # paths of [patch] and [replace]


class Manifest(NamedTuple):
    """The part of a Cargo.toml that shapes the graph of local crates; the same for the same bytes."""

    name: str | None  # None: no package
    workspace: str | None  # package.workspace
    dependencies: tuple[Dependency, ...]
    inherited: tuple[str, ...]  # keys of workspace.package
    sources: tuple[str, ...]  # paths of the library, the binaries and the build script, where they are spelled out
    binaries: bool | None  # whether [[bin]] declares some; None: autobins is off and it does not
    features: str  # [features], in one spelling
    is_root: bool
    root: Root


def manifest(content: Mapping[str, Any]) -> Manifest:
    """From a parsed file."""
    package = table(content, "package")
    inherited = [key for key in package if key not in _UNBUILT and table(package, key).get("workspace") is True]
    binaries = _tables(content, "bin")
    sources = [entry.get("path") for entry in (table(content, "lib"), *binaries)] + [package.get("build")]
    workspace = table(content, "workspace")
    patches = [*table(content, "patch").values(), table(content, "replace")]
    name, pointed = package.get("name"), package.get("workspace")
    return Manifest(
        name=(name if isinstance(name, str) else "") if "package" in content else None,
        workspace=pointed if isinstance(pointed, str) else None,
        dependencies=tuple(_dependency(key, spec) for key, spec in _specs(content)),
        inherited=tuple(inherited),
        sources=tuple(path for path in sources if isinstance(path, str)),
        binaries=True if binaries else None if package.get("autobins") is False else False,
        features=spelled(content["features"]) if content.get("features") else "",
        is_root="workspace" in content,
        root=Root(
            members=_texts(workspace.get("members")),
            exclude=_texts(workspace.get("exclude")),
            dependencies=table(workspace, "dependencies"),
            patches=tuple(path for patch in patches for spec in _values(patch) for path in _texts([spec.get("path")])),
        ),
    )


def _dependency(key: str, spec: Any) -> Dependency:
    details = spec if isinstance(spec, Mapping) else {}
    path = details.get("path")
    default = details.get("default-features", details.get("default_features"))
    return Dependency(
        key=key,
        package=str(details.get("package", key)),
        path=path if isinstance(path, str) else None,
        inherited=details.get("workspace") is True,
        features=_texts(details.get("features")),
        default_features=default if isinstance(default, bool) else None,
    )


def resolved(dependency: Dependency, root: Root) -> Dependency:
    """An inherited entry with what the workspace says about it."""
    if not dependency.inherited:
        return dependency
    base = _dependency(dependency.key, root.dependencies.get(dependency.key))
    default = base.default_features
    if dependency.default_features is True:  # a member can only switch default features on
        default = True
    return Dependency(
        dependency.key,
        base.package,
        base.path,
        inherited=True,
        features=(*base.features, *dependency.features),
        default_features=default,
    )


def built(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of a package that its binary, or one that depends on it, can be made from: dotted key to value."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if key in _UNBUILT_TABLES:
            continue
        if key == "package":
            found |= {f"package.{inner}": value[inner] for inner in table(content, key) if inner not in _UNBUILT}
            found |= _metadata("package", table(value, "metadata") if isinstance(value, Mapping) else {})
        elif key == "target":
            for name, part in table(content, key).items():
                wanted = part if isinstance(part, Mapping) else {}
                for kind in _DEPENDENCIES:
                    found |= {f"target.{name}.{kind}.{inner}": spec for inner, spec in table(wanted, kind).items()}
        elif isinstance(value, Mapping):
            found |= {f"{key}.{inner}": spec for inner, spec in value.items()}
            found.setdefault(key, {})
        else:
            found[key] = value
    return found


def governed(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of a workspace's root that count for all its members: release profiles, patches, the resolver."""
    found: dict[str, Any] = {}
    for key in ("profile", "patch", "replace"):
        found |= {
            f"{key}.{name}": value
            for name, value in table(content, key).items()
            if not (key == "profile" and name in _OTHER_PROFILES)
        }
    workspace = table(content, "workspace")
    package = table(content, "package")
    resolver = workspace.get("resolver", package.get("resolver", package.get("edition")))
    if resolver is not None:
        found["resolver"] = resolver
    return found | _metadata("workspace", table(workspace, "metadata"))


def inheritable(content: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """[workspace.dependencies] and [workspace.package], of which a change counts for those that inherit the key."""
    return table(content, "workspace", "dependencies"), table(content, "workspace", "package")


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The keys whose values differ."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key, ...) != after.get(key, ...))


def to_json(value: Manifest) -> list[Any]:
    """For the cache."""
    return list(value)


def from_json(row: Any) -> Manifest:
    """From the cache; raises TypeError, ValueError or KeyError for what is no manifest."""
    name, workspace, dependencies, inherited, sources, binaries, features, is_root, root = row
    return Manifest(
        name,
        workspace,
        tuple(
            [
                Dependency(key, package, path, was, tuple(asked), default)
                for key, package, path, was, asked, default in dependencies
            ]
        ),
        tuple(inherited),
        tuple(sources),
        binaries,
        features,
        is_root,
        Root(tuple(root[0]), tuple(root[1]), root[2], tuple(root[3])) if is_root or any(root) else NO_ROOT,
    )


NO_ROOT = Root((), (), {}, ())


def table(parent: Any, *keys: str) -> Mapping[str, Any]:
    """A nested table, empty where it is missing or something else."""
    for key in keys:
        parent = parent.get(key) if isinstance(parent, Mapping) else None
    return parent if isinstance(parent, Mapping) else {}


def spelled(value: Any) -> str:
    """One spelling for one value."""
    return json.dumps(value, sort_keys=True, default=str)


def outside(directory: str, sources: Iterable[str]) -> Iterator[str]:
    """The folders of sources that lie outside their package's folder, seen from the repository's root."""
    for path in sources:
        joined = posixpath.normpath(posixpath.join(directory, path))
        if directory and joined != directory and not joined.startswith((directory + "/", "..", "/")):
            yield posixpath.dirname(joined)


def _metadata(owner: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{owner}.metadata.{key}": content[key] for key in _READ_METADATA if key in content}


def _specs(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    targets = content.get("target")
    parts = [content, *_values(targets)] if targets else [content]
    for part in parts:
        for kind in _DEPENDENCIES:
            yield from table(part, kind).items()


def _values(parent: Any) -> list[Mapping[str, Any]]:
    return [part for part in table(parent).values() if isinstance(part, Mapping)]


def _tables(parent: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = parent.get(key)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple([item for item in value if isinstance(item, str)]) if isinstance(value, list) else ()
