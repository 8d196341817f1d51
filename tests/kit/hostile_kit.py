"""Hostile manifests: real ones mutated by a seed, documents made by hypothesis, and the judge that every one must pass.

As a program it judges them within the promised time and memory: `hostile_kit.py MUTATIONS DOCUMENTS SEED FOLDER`.
"""

from __future__ import annotations

import json
import random
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st
from rich_kit import EXTENSION, FUNCTION, PROJECT, SMALL, make_project, restore

from pipeline.errors import ManifestError, Problem
from pipeline.manifest import check_all

SECONDS = 2.0  # of processor time for one manifest
BYTES = 200 * 1024 * 1024  # beyond what importing takes
LONGEST_LINE = 2000

# As YAML has them, two spaces or a new line between two.
VALUES = (
    *re.split(
        r"\n|  ",
        r"""
~  null  yes  NO  on  Off  y  true  =  <<  -  ?  :  |  >  &a  *a  !  %x  []  {}  [[]]  {a: {b: [c]}}  [{}]
{? {a: b} : c}  {1: 2, [x]: y}  '  "  `  @  #  ''  0  -1  1e999  1.0e+999  .inf  -.INF  .nan  0x7f  0o17  017
0b1  1_000  1:30:00  190:20:30.15  -0.0  1e-400  +12  1e3 s  2024-01-01  2001-12-14t21:59:43.10-05:00
99999999999999999999 days  -5 MB  128 mb  5 %  1000000000000.999999 %  0.0000001 s  ٣ s  1 ﹪  ½ GB
!!python/object:os.system x  !!python/object/apply:os.system [id]  !!binary aGk=  !!set {a}  !!int ''
!!float ''  !!int '-'  !!bool x  !!null x  !!str 1  !!timestamp x  !!omap [a: b]  !<tag:x> 1  ../../etc/passwd
/etc/passwd  events/../../x  ..  .  ./x  a\b  ~root  -rf  --help  $(id)  `id`  a;b  a b  a,b  '; rm -rf / #
"\0"  "\x07"  "\e[31mred"  "a\nb"  "\u202e"  "\ud800"  "\U0010ffff"  "\ufeff"  "${"  "${}"  "${services}"
"${services.a.table}"  "${services.a.b.c}"  "${services.b.function.arn}"
"${services.a.function.arn}${services.a.api.endpoint}"  "$$${services.a.table.name}"  "${file(\"/etc/passwd\")}"
"$${x}"  "%{if x}"  "%%{x}"  "<<EOF"  é  名  🦀  á  ﬁ  arn:aws:sqs:eu-west-1:123456789012:x
arn:aws:lambda:::function:x  A  a--  host  latest  GET /${x}  "GET /../x"  "GET /{a}/{a+}"  $default  "GET /"
[GET /, GET /]  [{http: {}}]
""".strip("\n"),
    ),
    *(
        "",
        "|\n  a\n b",
        ">+5\n x",
        "'a\n\n  b'",
        "a\tb",
        "128\u00a0MB",
        "a\u200bb",
        "\u0430",
        "\u2028",
        "\x85",
        "a" * 65,
    ),
    *("9" * 4299, "9" * 4301, "0x" + "f" * 5000, "1:" * 4000 + "1", "1." + "1" * 5000, "1" * 30 + " MB"),
    *("x" * 60_000, "arn:" + ":" * 50),
)
FILLERS = (*"\t\0\x1b\x7f\x85\u2028\ufeff\r\v\xa0\U000e0001{}[", ": ", "- ")
CONFUSED = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "-": "\u2010", " ": "\u00a0", ":": "\uff1a", "i": "\u0131"}
KEY = re.compile(rb"(\b[A-Za-z_-]{1,40}: )([^,\n\]}]{1,200})")

Mutation = Callable[[random.Random, bytes], bytes]


def _flip(rng: random.Random, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, raw: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(raw) + 1) for _ in range(2))
    return raw[:start] + raw[end:]


def _insert(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(FILLERS).encode() * rng.choice((1, 1, 3)) + raw[at:]


def _lines(rng: random.Random, raw: bytes) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    at = rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        rng.shuffle(lines)
    elif kind == 3:
        lines[at] = b" " * rng.randrange(5) + lines[at].lstrip()
    elif kind == 4:
        lines[at] = lines[at].replace(b"  ", b"\t")
    else:
        lines = lines[: at + 1] * rng.choice((2, 3, 40))
    return b"".join(lines)


def _value(rng: random.Random, raw: bytes) -> bytes:
    places = list(KEY.finditer(raw))
    if not places:
        return raw
    place = rng.choice(places)
    return raw[: place.start(2)] + rng.choice(VALUES).encode() + raw[place.end(2) :]


def _key(rng: random.Random, raw: bytes) -> bytes:
    places = list(KEY.finditer(raw))
    if not places:
        return raw
    one, other = rng.choice(places), rng.choice(places)
    new = rng.choice(
        (other[1], b"<<: ", b"? ", b"k" * 5000 + b": ", b"${x}: ", b"1: ", b"null: ", b'"": ', b"~: ", b"a\\n: ")
    )
    return raw[: one.start(1)] + new + raw[one.end(1) :]


def _nested(rng: random.Random, raw: bytes) -> bytes:
    depth = rng.choice((5, 23, 24, 25, 200, 20_000))
    deep = {
        0: b"[" * depth + b"]" * rng.choice((0, depth)),
        1: b"{a: " * depth,
        2: b"".join(b" " * n + b"a:\n" for n in range(min(depth, 500))),
        3: b"- " * depth + b"x",
        4: b"? " * depth + b"x",
        5: b"!!seq " * depth,
    }[rng.randrange(6)]
    return rng.choice((raw + b"deep: " + deep, raw + b"deep:\n" + deep, deep, raw.replace(b"info", deep, 1)))


def _aliases(rng: random.Random, raw: bytes) -> bytes:
    bomb = b"a0: &a0 [x, x]\n"
    for number in range(1, rng.choice((3, 30, 300))):
        bomb += b"a%d: &a%d [%s]\n" % (number, number, b", ".join([b"*a%d" % (number - 1)] * 9))
    merged = b"base: &base {memory: 128 MB}\nuse:\n  <<: *base\n"
    loop = b"loop: &loop [*loop]\n"
    extra = rng.choice((bomb, merged, loop, b"x: *unknown\n", b"&k key: 1\n", b"x: &a &b 1\n"))
    return rng.choice((raw + extra, extra + raw, raw.replace(b"info", b"&i info", 1) + b"y: *i\n"))


def _encoded(rng: random.Random, raw: bytes) -> bytes:
    text = raw.decode("utf-8", "replace")
    kind = rng.randrange(8)
    if kind < 4:
        return text.encode(("utf-16", "utf-16-be", "utf-32", "utf-7")[kind])
    if kind == 4:
        return text.replace("info", "é").encode("latin-1", "replace")
    if kind == 5:
        return b"\xef\xbb\xbf" * rng.choice((1, 2)) + raw
    return raw.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\0")))


def _confused(rng: random.Random, raw: bytes) -> bytes:
    plain = rng.choice(sorted(CONFUSED))
    return raw.replace(plain.encode(), CONFUSED[plain].encode(), rng.choice((1, 5, -1)))


def _documents(rng: random.Random, raw: bytes) -> bytes:
    other = rng.choice((FUNCTION, SMALL, b"", b"x\n"))
    between = rng.choice(
        (b"---\n", b"...\n", b"\n...\n---\n", b"%YAML 2.0\n---\n", b"%TAG ! tag:x,2000:\n---\n", b"%X y\n", b"")
    )
    return rng.choice((raw + between + other, between + raw, between, raw + between))


def _many(text: bytes) -> bytes:
    """As many of these as a file may hold, numbered."""
    count = 55_000 // (len(text) + 2)
    return b"".join(text % number for number in range(count))


def _huge(rng: random.Random, raw: bytes) -> bytes:
    section, many = rng.choice(
        (
            (b"budget", _many(b"k%d: v\n")),
            (b"budget", _many(b"memroy%d: v\n")),
            (b"budget", _many(b"k: %d\n")),
            (b"inputs", b"inputs: [" + _many(b"x%d, ") + b"]\n"),
            (b"features", b"features: [" + _many(b"f%d, ") + b"]\n"),
            (b"extensions", b"extensions: [" + _many(b"e%d, ") + b"]\n"),
            (b"triggers", b"triggers:\n" + _many(b"- {http: {routes: [GET /%d]}}\n")),
            (b"triggers", b"triggers:\n" + _many(b"- {htp%d: {}}\n")),
            (b"triggers", b"triggers:\n- schedule:\n    rate: 5 min\n    payload:\n" + _many(b"      k%d: '${y}'\n")),
            (b"environment", b"environment:\n  K: " + b"K" * 55_000 + b"\n"),
            (b"environment", b"environment:\n  " + b"K" * 55_000 + b": v\n"),
            (b"environment", b"environment:\n" + _many(b"  V%d: ${services.c.x.y}\n")),
            (b"environment", b"environment:\n" + _many(b"  V%d: ${x}\n")),
            (b"environment", b"environment:\n" + _many(b"  V-%d: x\n")),
            (b"access", b"access: [" + _many(b"{to: x%d, alow: [1]}, ") + b"]\n"),
            (b"resources", b"resources:\n" + _many(b"  r%d: {sqss: {}}\n")),
            (b"overlays", b"overlays:\n" + _many(b"  e%d: {memory: 1}\n")),
            (b"overlays", b"overlays:\n" + _many(b"  e%d: {}\n")),
            (b"overlays", b"overlays: {staging: {release: {checks: {" + _many(b"k%d: {}, ") + b"}}}}\n"),
        )
    )
    whole = re.compile(rb"^%s:.*\n(?:[ -].*\n)*" % section, re.MULTILINE)
    return rng.choice(
        (whole.sub(lambda _: many, raw), whole.sub(lambda _: many, raw), raw + b"x" * 300_000, b"", b" \n" * 1000)
    )


MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    *((_value, 30), (_key, 12), (_lines, 15), (_flip, 12), (_insert, 10), (_cut, 6)),
    *((_nested, 4), (_aliases, 3), (_encoded, 4), (_confused, 4), (_documents, 3), (_huge, 1)),
)
BASES = (FUNCTION, FUNCTION, FUNCTION, EXTENSION, SMALL)


def mutated(rng: random.Random, bases: tuple[bytes, ...] = BASES) -> bytes:
    """One hostile manifest: a real one, changed one to four times."""
    raw = rng.choice(bases)
    kinds, weights = zip(*MUTATIONS, strict=True)
    for kind in rng.choices(kinds, weights, k=rng.choice((1, 1, 1, 2, 4))):
        raw = kind(rng, raw)
    return raw


def _words() -> tuple[str, ...]:
    """Every key and plain value of the rich manifests."""
    found = re.findall(rb"[A-Za-z0-9_.:$/{}%-]+", FUNCTION)
    return tuple(dict.fromkeys(word.decode().strip(":{}") for word in found))


_LEAVES = st.one_of(
    st.sampled_from(_words()),
    st.sampled_from([value for value in VALUES if len(value) < 100]),
    st.text(max_size=20),
    st.none() | st.booleans() | st.integers() | st.floats(),
)
_KEYS = st.one_of(st.sampled_from(_words()), st.text(max_size=8))


def _nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(inner, st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4))


_ANY = _nest(_nest(_nest(_LEAVES)))
_TOP = tuple(dict.fromkeys(re.findall(r"^([a-z_]+):", FUNCTION.decode(), re.MULTILINE)))
DOCUMENTS = st.fixed_dictionaries(
    {"crabwalk": st.just(1), "name": st.just("a")},
    optional={key: _ANY for key in _TOP if key not in {"crabwalk", "name"}},
)


def judged(root: Path) -> tuple[Any, ...]:
    """The services, or () after a report that is fit to be read; anything else is an exception."""
    said: list[Problem] = []
    services: tuple[Any, ...] = ()
    try:
        services = check_all(root, said)[1]
    except ManifestError as error:
        if not error.problems:
            raise AssertionError("refused without a problem") from error
        said.extend(error.problems)
    for problem in said:
        _readable(problem)
    json.dumps([problem.__dict__ for problem in said]).encode()
    return services


def _readable(problem: Problem) -> None:
    line = str(problem)
    if not line.isprintable() or len(line) > LONGEST_LINE or problem.line < 1 or problem.column < 1 or not problem.what:
        raise AssertionError(f"not fit to be read: {line[:500]!r}")


def hostile(rng: random.Random, root: Path) -> bytes:
    """Writes one hostile file into the project: a manifest, or now and then the project file."""
    restore(root)
    if rng.random() < 0.08:
        raw = mutated(rng, (PROJECT,))
        (root / "crabwalk.yaml").write_bytes(raw)
    else:
        raw = mutated(rng)
        name = "b" if b"name: b" in raw else "a"
        (root / "services" / name / "service.yaml").write_bytes(raw)
    return raw


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS} s")


def _timed(raw: bytes, root: Path, label: str) -> tuple[float, bool]:
    """Judges what lies in the project; the processor time it took and whether it is valid."""
    before = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        valid = bool(judged(root))
    except BaseException:
        sys.stderr.write(f"{label}, {len(raw)} bytes: {raw[:3000]!r}\n")
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.process_time() - before, valid


def run(mutations: int, documents: int, seed: int, root: Path) -> Iterator[tuple[float, bool]]:
    """Judges so many of both, each within its time; the memory is the caller's to limit."""
    signal.signal(signal.SIGPROF, _too_slow)
    for number in range(mutations):
        raw = hostile(random.Random(f"{seed}/{number}"), root)  # noqa: S311 - to be repeated, not to be secret
        yield _timed(raw, root, f"seed {seed}, number {number}")
    restore(root)
    found: list[tuple[float, bool]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=documents, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(DOCUMENTS)
    def judge(document: dict[str, Any]) -> None:
        raw = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        (root / "services" / "a" / "service.yaml").write_bytes(raw)
        found.append(_timed(raw, root, f"seed {seed}, a document"))

    if documents:
        judge()
    yield from found


def main() -> None:
    mutations, documents, seed = map(int, sys.argv[1:4])
    folder = Path(sys.argv[4])
    make_project(folder)
    if not judged(folder):
        raise AssertionError("the manifests are not valid to begin with")
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results = list(run(mutations, documents, seed, folder))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    slowest = max(took for took, _ in results)
    valid = sum(valid for _, valid in results)
    said = {"count": len(results), "valid": valid, "slowest_s": slowest, "grown_bytes": grown * 1024}
    sys.stdout.write(f"{json.dumps(said)}\n")


if __name__ == "__main__":
    main()
