"""Which files Rust source names at compile time, as far as literals show it. Pure: text in, no file is read.

A lexer for comments, strings and braces, no parser: what macros compute stays unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Macros and attributes that read files, and whether their paths start at the source file's folder (or the crate's).
_BY_FILE: Mapping[str, bool] = {
    "include_str": True,
    "include_bytes": True,
    "include": True,
    "include_dir": False,
    "migrate": False,
    "embed_migrations": False,
}
_MACRO = re.compile(rf"\b({'|'.join(_BY_FILE)})\s*!\s*[(\[{{]\s*")
_ATTRIBUTE = re.compile(r"#\[\s*(path|folder)\s*=\s*")
_CONCAT = re.compile(r"concat\s*!\s*[(\[{]\s*")
_CRATE_FOLDER = re.compile(r"env\s*!\s*\(\s*(?=\")")
_COMMA = re.compile(r"\s*,?\s*")
_CLOSING = re.compile(r"\s*\)\s*,?\s*")
_TOKEN = re.compile(
    r"(?P<line>//[^\n]*)|(?P<block>/\*)|[bc]?r(?P<hashes>#{0,16})\"(?P<raw>.*?)\"(?P=hashes)"
    r"|[bc]?\"(?P<text>(?:[^\"\\]|\\.)*)\"|'(?:\\.[^\n']{0,10}|[^\n'\\])'",
    re.DOTALL,
)
_BLOCK = re.compile(r"[{;]")
_BRACE = re.compile(r"[{}]")
_NESTED = re.compile(r"/\*|\*/")
_TEST = re.compile(r"#\[\s*cfg\s*\(\s*(?:all\s*\(\s*)?test\b[^\]]*\]")
_TEST_MODULE = re.compile(r"(?:\s*#\[[^\]]*\])*\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;")
_TEST_FILE = re.compile(r"#!\[\s*cfg\s*\(\s*test\s*\)\s*\]")
_RERUN = re.compile(r"cargo::?rerun-if-changed=")
_FOLDER = "CARGO_MANIFEST_DIR"
_OUTSIDE = (b"../", b'/.."', b'!("/')


@dataclass(frozen=True)
class Literal:
    """A path written in Rust source, where it stands, and from which folder it counts."""

    path: str
    offset: int
    by: str  # what reads it: `include_str!`, `build.rs`
    from_file: bool  # from the source file's folder; otherwise from the crate's


def may_reach_outside(source: bytes) -> bool:
    """The cheap question before the others: hardly any file has such a path."""
    return any(sign in source for sign in _OUTSIDE)


class Source:
    """One file's text with comments and the insides of strings blanked, and the strings by where they begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._strings: dict[int, tuple[str, int]] = {}
        self._code = self._blanked()

    def _blanked(self) -> str:
        pieces: list[str] = []
        position = 0
        while (token := _TOKEN.search(self.text, position)) is not None:
            start, end = token.span()
            pieces.append(self.text[position:start])
            if token["block"]:
                end = _end(self.text, end, _NESTED, "/*", depth=1)
            value = token["raw"] if token["raw"] is not None else token["text"]
            if value is None:
                pieces.append(" " * (end - start))
            else:
                self._strings[start] = (value, end)
                pieces.append('"' + " " * (end - start - 1))
            position = end
        pieces.append(self.text[position:])
        return "".join(pieces)

    def read_at_compile_time(self) -> Iterator[Literal]:
        """The files that macros and attributes outside of tests name."""
        if _TEST_FILE.search(self._code):
            return
        tests = tuple(self._tests())
        for match in _MACRO.finditer(self._code):
            if not any(start <= match.start() < end for start, end in tests):
                literal = self._argument(match.end(), f"{match[1]}!", from_file=_BY_FILE[match[1]])
                if literal is not None:
                    yield literal
        for match in _ATTRIBUTE.finditer(self._code):
            string = self._strings.get(match.end())
            if string is not None and not any(start <= match.start() < end for start, end in tests):
                yield Literal(string[0], match.end(), f"#[{match[1]}]", from_file=match[1] == "path")

    def read_by_build_script(self) -> Iterator[Literal]:
        """In build.rs: every string that is a path upwards, whatever opens it."""
        for offset, (value, _) in self._strings.items():
            path = _RERUN.sub("", value, count=1)
            if path.startswith("../") and "{" not in path:
                yield Literal(path, offset, "build.rs", from_file=False)
        for match in _CONCAT.finditer(self._code):
            literal = self._argument(match.start(), "build.rs", from_file=False)
            if literal is not None and literal.path.startswith("../"):
                yield literal

    def test_modules(self) -> Iterator[str]:
        """Modules in files of their own that only tests compile."""
        for match in _TEST.finditer(self._code):
            module = _TEST_MODULE.match(self._code, match.end())
            if module is not None:
                yield module[1]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, 1-based."""
        before = self.text[:offset]
        return before.count("\n") + 1, len(before) - before.rfind("\n")

    def _argument(self, position: int, by: str, *, from_file: bool) -> Literal | None:
        """A literal, or `concat!` of the crate's folder and literals; None for what is computed."""
        string = self._strings.get(position)
        if string is not None:
            for prefix in (f"${_FOLDER}/", "${" + _FOLDER + "}/"):
                if string[0].startswith(prefix):
                    return Literal(string[0].removeprefix(prefix), position, by, from_file=False)
            return Literal(string[0], position, by, from_file)
        concat = _CONCAT.match(self._code, position)
        if concat is None:
            return None
        position = concat.end()
        path, first = "", position
        folder = _CRATE_FOLDER.match(self._code, position)
        if folder is not None:
            name, end = self._strings[folder.end()]
            closing = _CLOSING.match(self._code, end)
            if name != _FOLDER or closing is None:
                return None
            position = first = closing.end()
        while (string := self._strings.get(position)) is not None:
            path += string[0]
            comma = _COMMA.match(self._code, string[1])
            position = comma.end() if comma else string[1]
        if not path or self._code[position : position + 1] not in {")", "]", "}"}:
            return None
        return Literal(path.lstrip("/") if folder else path, first, by, from_file and folder is None)

    def _tests(self) -> Iterator[tuple[int, int]]:
        for match in _TEST.finditer(self._code):
            opening = _BLOCK.search(self._code, match.end())
            if opening is not None and opening[0] == "{":
                yield match.start(), _end(self._code, opening.start(), _BRACE, "{")


def _end(text: str, start: int, marks: re.Pattern[str], opening: str, depth: int = 0) -> int:
    """Where what nests is closed again: the end of the mark that brings `depth` back to 0, or of the text."""
    for match in marks.finditer(text, start):
        depth += 1 if match[0] == opening else -1
        if depth == 0:
            return match.end()
    return len(text)
