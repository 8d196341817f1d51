from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.errors import Problem
from pipeline.manifest.document import compose
from pipeline.manifest.sources import check_inputs, check_sources


def warnings(tree, *names: str, **inputs: tuple[str, ...]) -> list[str]:
    found: list[Problem] = []
    services = []
    for name in names or ("a",):
        directory = tree.root / "services" / name
        file = directory / "service.yaml"
        services.append(SimpleNamespace(name=name, directory=directory, file=file, inputs=inputs.get(name, ())))
    check_sources(tree.root, services, found)
    return [str(problem) for problem in sorted(found)]


def crate(tree, path: str, dependencies: str = "") -> None:
    name = path.rpartition("/")[2]
    tree.write(f"{path}/Cargo.toml", f'[package]\nname = "{name}"\n[dependencies]\n{dependencies}')
    tree.write(f"{path}/src/lib.rs", "")


def test_warns_of_a_file_outside_with_its_place_and_what_to_write(tree) -> None:
    tree.crate("a")
    tree.write("proto/a.txt", "")
    tree.write("services/a/src/main.rs", '// x\nconst A: &str = include_str!("../../../proto/a.txt");\n')
    assert warnings(tree) == [
        (
            "services/a/src/main.rs:2:30: `include_str!` reads `proto/a.txt`, outside of its crate: "
            "a change of it would not rebuild `a`, write `inputs: [proto/a.txt]` in services/a/service.yaml"
        )
    ]
    assert warnings(tree, a=("proto/a.txt",)) == []
    assert warnings(tree, a=("./proto/",)) == []
    (found,) = warnings(tree, a=("proto/b.txt", "prot"))
    assert found.endswith(", add `proto/a.txt` to `inputs` in services/a/service.yaml")


def test_a_shared_crate_concerns_every_service_that_reaches_it(tree) -> None:
    for name in ("a", "b", "c", "d", "e", "other"):
        crate(tree, f"services/{name}", "" if name == "other" else 'middle = {path = "../../middle"}')
    crate(tree, "middle", 'shared = {path = "../shared"}')
    crate(tree, "shared")
    tree.write("shared/src/deep/x.rs", 'include_bytes!("../../../data/x.bin");')
    tree.write("data/x.bin", "")
    (found,) = warnings(tree, "a", "b", "c", "d", "e", "other", b=("data",))
    assert found.endswith(
        "would not rebuild `a`, `c`, `d` and 1 more, write `inputs: [data/x.bin]` in "
        "services/a/service.yaml, services/c/service.yaml, services/d/service.yaml and 1 more"
    )


def test_a_file_in_another_crate_of_the_service_is_seen_anyway(tree) -> None:
    crate(tree, "services/a", 'shared = {path = "../../shared"}')
    crate(tree, "services/b")
    crate(tree, "shared")
    tree.write("services/a/src/lib.rs", 'include!("../../../shared/src/lib.rs"); include!("../../b/src/lib.rs");')
    (found,) = warnings(tree, "a", "b")
    assert "`include!` reads `services/b/src/lib.rs`" in found
    assert found.endswith("rebuild `a`, write `inputs: [services/b/src/lib.rs]` in services/a/service.yaml")


def test_a_build_script_and_a_folder_that_stands_for_its_files(tree) -> None:
    tree.crate("a")
    tree.write("proto/x/a.proto", "")
    script = (
        'fn main() {\n  compile("../../proto/x/a.proto", "../../proto");\n  open("../../absent"); open("../a/src");}'
    )
    tree.write("services/a/build.rs", script)
    (found,) = warnings(tree)
    assert found.startswith("services/a/build.rs:2:36: `build.rs` reads `proto`, outside of its crate")


def test_what_lies_outside_of_the_project_must_move(tree) -> None:
    tree.crate("a")
    tree.write("services/a/src/main.rs", 'include_str!("/"); include_str!("../../../../");')
    assert [line.partition(": ")[2] for line in warnings(tree)] == [
        "`include_str!` reads `/`, outside of the project: no commit says what it was, move it into the project",
        (
            "`include_str!` reads `../../../../`, outside of the project: no commit says what it was, "
            "move it into the project"
        ),
    ]


def test_tests_and_what_belongs_to_others_do_not_count(tree) -> None:
    tree.crate("a")
    tree.write("x.txt", "")
    outside = 'include_str!("../../../x.txt");'
    for path in ("tests/t.rs", "benches/t.rs", "examples/t.rs", "target/t.rs", ".hidden/t.rs", "inner/src/lib.rs"):
        tree.write(f"services/a/{path}", outside + outside.replace("../../../", "../../../../"))
    tree.write("services/a/inner/Cargo.toml", "[package]\nname = 'inner'\n")
    tree.write("services/a/src/main.rs", "#[cfg(test)]\nmod tests;\nmod b;\n")
    tree.write("services/a/src/tests.rs", outside)
    tree.write("services/a/src/tests/more.rs", outside.replace("../../../", "../../../../"))
    tree.write("services/a/src/b.rs", "#[cfg(test)] mod check;")
    tree.write("services/a/src/b/check.rs", outside.replace("../../../", "../../../../"))
    assert warnings(tree) == []
    tree.write("services/a/src/check.rs", outside)
    assert len(warnings(tree)) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("proto", ""),
        ("proto/a.txt", ""),
        ("./proto/", ""),
        ("prot", "2:10: inputs: the project has no file or folder `prot`, did you mean `proto`?"),
        ("proto/*.txt", "2:10: inputs: the project has no file or folder `proto/*.txt`, did you mean `proto/a.txt`?"),
        ("absent/x", "2:10: inputs: the project has no file or folder `absent/x`"),
        ("proto/a.txt/x", "2:10: inputs: the project has no file or folder `proto/a.txt/x`"),
        ("link", "2:10: inputs: `link` leads out of the project, move the files into it"),
        ("loop", "2:10: inputs: the project has no file or folder `loop`, known: crabwalk.yaml, link, proto, target"),
        (".", "2:10: inputs: `.` is the whole project, name the files and folders the build reads"),
        ("target/x", "2:10: inputs: `target/x` is made by builds, name what it is made from"),
        ("./.git/config", "2:10: inputs: `./.git/config` is made by builds, name what it is made from"),
    ],
)
def test_inputs_exist_in_the_project(tree, text: str, fault: str) -> None:
    tree.write("proto/a.txt", "")
    tree.write("target/x", "")
    (tree.root / "link").symlink_to("/")
    (tree.root / "loop").symlink_to("loop")
    problems: list[Problem] = []
    node = compose(f"name: a\ninputs: [{text}]\n", "f.yaml", problems)
    assert node is not None
    check_inputs(tree.root, node, SimpleNamespace(inputs=(text,)), problems)
    assert [str(problem) for problem in problems] == ([f"f.yaml:{fault}"] if fault else [])
