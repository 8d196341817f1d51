"""Validates a manifest as far as it goes: what is faulty is cut out and the rest judged again, so one run names all.

Pure. A rule is not believed when it looked at something that was cut out: a default stood in for that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from pipeline.errors import Problem
from pipeline.manifest.messages import Fault, fault_of
from pipeline.manifest.models import Manifest
from pipeline.manifest.node import MAX_FAULTS, Node
from pipeline.manifest.places import Path, Places
from pipeline.manifest.rules import FROM_YAML

_ROUNDS = 12  # each cuts at least one more value out; nobody reads more
_STAND_IN = "unnamed"  # for a name that is missing or faulty
_DERIVED = (("name", "package"), ("package", "binary"), ("name", "stack"))  # the second's default is the first


@dataclass(frozen=True)
class Judged:
    """What could be made of a manifest; `manifest` is None only when nothing could.

    `node` is the tree without what was cut out; a list's items keep their places there, not in the manifest.
    """

    manifest: Manifest | None
    node: Node
    doubts: frozenset[Path] = frozenset()
    kept: Mapping[Path, tuple[int, ...]] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        return self.manifest is not None and not self.doubts

    def unsure(self, *paths: Path) -> bool:
        """Whether one of these paths of the file, or something in it, was cut out."""
        return _touched(paths, self.doubts, self._around)

    @cached_property
    def _around(self) -> frozenset[Path]:
        return frozenset(_prefixes(self.doubts))

    def written(self, path: Path) -> Path:
        """A path in the manifest as the file has it."""
        return _written(path, self.kept)


def judge(places: Places, change: Mapping[str, Any], problems: list[Problem]) -> Judged:
    """Adds every fault of every value; `change` replaces values of top keys that only this environment can tell."""
    cuts: set[Path] = set()
    doubts: set[Path] = set()
    for _ in range(_ROUNDS):
        kept: dict[Path, tuple[int, ...]] = {}
        around = set(_prefixes(cuts))
        data = {**_plain(places.root, cuts, around, kept), **change}
        if ("name",) in doubts:
            data["name"] = _STAND_IN
        try:
            manifest = Manifest.model_validate(data, context=FROM_YAML, by_alias=True, by_name=False)
        except ValidationError as error:
            details = error.errors(include_url=False)[: 2 * MAX_FAULTS]  # more than will be shown
            faults = [fault_of({**it, "loc": _written(it["loc"], kept)}, kept, places, Manifest) for it in details]
            outer = set(_prefixes(doubts))
            believed = [it.problem for it in faults if it.problem and not _touched(it.because, doubts, outer)]
            problems.extend(dict.fromkeys(believed))
            if len(problems) > 2 * MAX_FAULTS or not _cut_out(faults, cuts, doubts):
                break
        else:
            node = _without(places.root, cuts, around) if cuts else places.root
            return Judged(manifest, node, _with_derived(doubts, data), kept)
    return Judged(None, places.root, frozenset({()}))


def _cut_out(faults: Iterable[Fault], cuts: set[Path], doubts: set[Path]) -> bool:
    """Cuts what is faulty, or what is around it when that was of no use; False when nothing would be left."""
    before = frozenset(cuts)
    for fault in faults:
        path = fault.cut
        while path in before:
            path = path[:-1]
        if not path and fault.cut != ():
            return False
        if path:
            cuts.add(path)
        doubts.update({path or ("name",), *fault.meant})
    return True


def _with_derived(doubts: set[Path], data: Mapping[str, Any]) -> frozenset[Path]:
    for source, key in _DERIVED:
        if (source,) in doubts and key not in data:
            doubts.add((key,))
    return frozenset(doubts)


def _prefixes(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths and what is around each."""
    return (path[:length] for path in paths for length in range(len(path) + 1))


def _touched(paths: Iterable[Path], doubts: Collection[Path], around: Collection[Path]) -> bool:
    """Whether one of the paths is doubtful, lies in something that is, or has something in it that is."""
    return bool(doubts) and any(path in around or any(one in doubts for one in _prefixes([path])) for path in paths)


def _written(path: Path, kept: Mapping[Path, tuple[int, ...]]) -> Path:
    found: Path = ()
    for part in path:
        places = kept.get(found, ())
        found = (*found, places[part] if isinstance(part, int) and part < len(places) else part)
    return found


def _plain(node: Node, cuts: set[Path], around: set[Path], kept: dict[Path, tuple[int, ...]], at: Path = ()) -> Any:
    """The value without marks and without what is cut out; `kept` tells where the items of shortened lists stood."""
    if at not in around:
        return node.plain()
    if isinstance(node.value, dict):
        left = {key: child for key, child in node.value.items() if (*at, key) not in cuts}
        return {key: _plain(child, cuts, around, kept, (*at, key)) for key, child in left.items()}
    if isinstance(node.value, tuple):
        kept[at] = tuple(index for index in range(len(node.value)) if (*at, index) not in cuts)
        return [_plain(node.value[index], cuts, around, kept, (*at, index)) for index in kept[at]]
    return node.value


def _without(node: Node, cuts: set[Path], around: set[Path], at: Path = ()) -> Node:
    if at not in around:
        return node
    if isinstance(node.value, dict):
        left = {
            key: _without(child, cuts, around, (*at, key))
            for key, child in node.value.items()
            if (*at, key) not in cuts
        }
        return Node(node.mark, left, keys={key: mark for key, mark in node.keys.items() if key in left})
    if isinstance(node.value, tuple):
        items = enumerate(node.value)
        return Node(
            node.mark,
            tuple(
                Node(child.mark, None) if (*at, index) in cuts else _without(child, cuts, around, (*at, index))
                for index, child in items
            ),
        )
    return node
