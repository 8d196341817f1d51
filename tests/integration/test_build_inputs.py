"""What a compilation reads beside its sources, and that no package is taken for another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from build_kit import write
from tiny_kit import plan, says, silent

from pipeline.build import execute_build

pytestmark = pytest.mark.usefixtures("build_cache")


def test_a_file_from_outside_the_package_is_never_taken_from_the_store(tree: Path, tmp_path: Path) -> None:
    source = 'fn main() {\n    print!(include_str!("../../words.txt"));\n    let _ = shared::WORDS;\n}\n'
    write(tree, {"one/src/main.rs": source, "words.txt": "first"})
    lines: list[str] = []
    (first,) = execute_build(plan(tree, "one"), lines.append)
    told = "one reads words.txt from outside its package, so it is compiled anew each time; name it in the manifest"
    assert f"{told} under `inputs`" in lines
    write(tree, {"words.txt": "second"})
    (second,) = execute_build(plan(tree, "one"), silent)
    assert (says(first, tmp_path), says(second, tmp_path)) == ("first", "second")
    (third,) = execute_build(plan(tree, "one", inputs=("words.txt",)), silent)
    known = replace(third, reused=True, evidence=None, grew="")
    assert plan(tree, "one", inputs=("words.txt",)).stored == (known,)
    write(tree, {"words.txt": "third"})
    assert plan(tree, "one", inputs=("words.txt",)).stored == ()


@pytest.mark.parametrize("variable", ["option_env", "build script"])
def test_a_variable_the_compilation_reads_is_an_input(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    if variable == "option_env":
        reads = 'option_env!("GREETING").unwrap_or("none")'
    else:
        reads = 'env!("MADE")'
        script = """fn main() {
            println!("cargo::rerun-if-env-changed=GREETING");
            println!("cargo::rustc-env=MADE={}", std::env::var("GREETING").unwrap_or("none".into()));
        }"""
        write(tree, {"one/build.rs": script})
    write(tree, {"one/src/main.rs": f'fn main() {{ print!("{{}}{{}}", {reads}, &shared::WORDS[..0]); }}\n'})
    said = {}
    for greeting in ("hello", "good day", None):
        monkeypatch.delenv("GREETING", raising=False)
        if greeting:
            monkeypatch.setenv("GREETING", greeting)
        assert plan(tree, "one").stored == ()
        (artifact,) = execute_build(plan(tree, "one"), silent)
        said[greeting] = says(artifact, tmp_path)
        assert [known.sha256 for known in plan(tree, "one").stored] == [artifact.sha256]
    assert said == {"hello": "hello", "good day": "good day", None: "none"}
    monkeypatch.setenv("GREETING", "hello")
    assert plan(tree, "one").runs == (), "what is known stays known"
