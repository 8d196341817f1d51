from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.manifest.rust import Literal, Source, may_reach_outside


def read(text: str) -> list[tuple[str, str, bool]]:
    return [(it.path, it.by, it.from_file) for it in Source(text).read_at_compile_time()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('let x = include_str!("../a.txt");', [("../a.txt", "include_str!", True)]),
        ('include_bytes! ( r#"../a"b"# )', [('../a"b', "include_bytes!", True)]),
        ('std::include!["../a.rs"]', [("../a.rs", "include!", True)]),
        (
            'include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../x", "/y.sql"))',
            [("../x/y.sql", "include_str!", False)],
        ),
        ('include_str!(concat!("../", "x"))', [("../x", "include_str!", True)]),
        ('include!(concat!(env!("OUT_DIR"), "/../x.rs"))', []),
        ('include_str!(concat!("../", NAME))', []),
        ("include_str!(NAME)", []),
        ('include_dir!("$CARGO_MANIFEST_DIR/../web")', [("../web", "include_dir!", False)]),
        ('sqlx::migrate!("../migrations")', [("../migrations", "migrate!", False)]),
        ('#[path = "../../x.rs"] mod x;', [("../../x.rs", "#[path]", True)]),
        ('#[folder = "../web/"] struct Web;', [("../web/", "#[folder]", False)]),
        ('// include_str!("../a")', []),
        ('/* /* nested */ include_str!("../a") */', []),
        ('/// let x = include_str!("../a");\nfn f() {}', []),
        ('let s = "include_str!(\\"../a\\")";', []),
        ('let c = \'"\'; include_str!("../a")', [("../a", "include_str!", True)]),
        ("let c = '\\''; fn f<'a>(x: &'a str) {} include_str!(\"../a\")", [("../a", "include_str!", True)]),
        ('#[cfg(test)] mod tests { fn f() { if x {} include_str!("../a"); } }', []),
        (
            '#[cfg(test)] mod tests { const A: &str = "}"; } include_str!("../b");',
            [("../b", "include_str!", True)],
        ),
        ('#![cfg(test)]\ninclude_str!("../a");', []),
        ('#[cfg(test)] mod tests; include_str!("../a");', [("../a", "include_str!", True)]),
        ('#[cfg(feature = "x")] const A: &str = include_str!("../a");', [("../a", "include_str!", True)]),
    ],
)
def test_sees_what_is_read_at_compile_time(text: str, found: list[tuple[str, str, bool]]) -> None:
    assert read(text) == found


def test_sees_paths_upwards_in_a_build_script() -> None:
    text = """fn main() {
    println!("cargo:rerun-if-changed=../proto");
    println!("cargo::rerun-if-changed={}", path);
    println!("cargo::rerun-if-changed=../{}", path);
    let file = std::fs::File::open("../schema/a.json");
    tonic_build::compile_protos(concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/a.proto"));
    let inside = "src/x"; // "../comment"
}"""
    source = Source(text)
    found = [(it.path, source.place(it.offset)) for it in source.read_by_build_script()]
    assert found == [("../proto", (2, 14)), ("../schema/a.json", (5, 36)), ("../proto/a.proto", (6, 69))]
    assert all(isinstance(it, Literal) for it in source.read_by_build_script())


def test_names_the_modules_only_tests_compile() -> None:
    text = "#[cfg(test)]\n#[allow(x)]\npub(crate) mod tests;\n#[cfg(all(test, unix))] mod more;\nmod real;"
    assert list(Source(text).test_modules()) == ["tests", "more"]


def test_most_files_need_no_second_look() -> None:
    assert not may_reach_outside(b'fn main() { let x = Foo { ..Default::default() }; include_str!("a.txt"); }')
    assert may_reach_outside(b'include_str!("../a.txt")')
    assert may_reach_outside(b'include_str!("/etc/a.txt")')


@given(st.text(alphabet="\"'/*r#\\{}[]!(cfg test)include_str=.\n", max_size=300))
def test_any_text_is_read(text: str) -> None:
    source = Source(text)
    for literal in (*source.read_at_compile_time(), *source.read_by_build_script()):
        assert text[literal.offset] in '"rbc'
        assert source.place(literal.offset)[0] <= text.count("\n") + 1
