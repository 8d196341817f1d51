"""What counts and what does not, case by case: files before, files after, and the chains that are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import commit_kit
import pytest
from commit_kit import ENVIRONMENT, FILES, LOCK, Content, Link, Submodule

Edits = Mapping[str, Content | tuple[str, str] | None]  # a file, None to delete it, or what to replace by what in it


@dataclass(frozen=True)
class Case:
    """`base` is edited on top of the common files, `head` on top of that."""

    head: Edits
    affects: Mapping[str, list[str]] = field(default_factory=dict)
    base: Edits = field(default_factory=dict)
    services: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


def both(text: str) -> dict[str, list[str]]:
    """The same chain for both services."""
    return {name: [f"{name} ← {text}"] for name in ("health", "hello")}


def hello(*texts: str) -> dict[str, list[str]]:
    return {"hello": [f"hello ← {text}" for text in texts]}


def health(*texts: str) -> dict[str, list[str]]:
    return {"health": [f"health ← {text}" for text in texts]}


MAIN = "services/hello/src/main.rs"
HELLO = "services/hello/Cargo.toml"
HEALTH = "services/health/Cargo.toml"
LIB = "rust_shared/src/lib.rs"
SHARED = "rust_shared/Cargo.toml"


def dependency(line: str) -> tuple[str, str]:
    """Adds a line to [dependencies]."""
    return "[dependencies]\n", f"[dependencies]\n{line}\n"


def crate(name: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\n{more}'


def pinned(name: str, version: str, more: str = "") -> str:
    source = f'source = "registry+https://example.org/index"\nchecksum = "{name}{version}"\n'
    return f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n{source}{more}'


GIT_LOCK = LOCK.replace(
    'version = "1.40.0"\nsource = "registry+https://example.org/index"\nchecksum = "ee"',
    'version = "1.40.0"\nsource = "git+https://example.org/tokio?branch=a%2Fb#aaaa"',
)
FIVE = LOCK.replace('"tokio"]', '"tokio", "p0", "p1", "p2", "p3", "p4"]')

CASES = {
    # what no binary is made from
    "documentation, tests and samples": Case(
        {
            f"{folder}/{path}": "other\n"
            for folder in ("services/hello", "rust_shared")
            for path in (
                *("README.md", "README", "CHANGELOG.md", "docs/api.html", "tests/a.rs", "tests/data/x.json"),
                *(
                    "benches/b.rs",
                    "examples/e.rs",
                    "events/get.json",
                    "hooks/gate.sh",
                    "infra/main.tf",
                    ".gitignore",
                    "rustfmt.toml",
                    "clippy.toml",
                ),
            )
        }
    ),
    "markdown in src": Case({"services/hello/src/help.md": "x"}, hello("services/hello/src/help.md (added)")),
    "a README that is only the crate's documentation": Case(
        {"services/hello/README.md": "other\n"},
        base={"services/hello/README.md": "a\n", MAIN: '#![doc = include_str!("../README.md")]\nfn main() {}\n'},
    ),
    "a README that is in the binary": Case(
        {"services/hello/README.md": "other\n"},
        hello("services/hello/README.md"),
        base={"services/hello/README.md": "a\n", MAIN: 'const HELP: &str = include_str!("../README.md");\n'},
    ),
    "a folder of documents that is in the binary": Case(
        {"services/hello/docs/deep/a.html": "other\n"},
        hello("services/hello/docs/deep/a.html"),
        base={
            "services/hello/docs/deep/a.html": "a\n",
            MAIN: 'static D: Dir = include_dir!("$CARGO_MANIFEST_DIR/docs");\n',
        },
    ),
    "a module in tests/ that the library has": Case(
        {"rust_shared/tests/common.rs": "// other\n"},
        both("rust_shared ← rust_shared/tests/common.rs"),
        base={"rust_shared/tests/common.rs": "//\n", LIB: '#[path = "../tests/common.rs"]\nmod common;\n'},
    ),
    "a binary that is an example": Case(
        {"services/hello/examples/x/main.rs": "// other\n"},
        hello("services/hello/examples/x/main.rs"),
        base={
            "services/hello/examples/x/main.rs": "//\n",
            HELLO: ("[dependencies]", '[[bin]]\nname = "hello"\npath = "examples/x/main.rs"\n[dependencies]'),
        },
    ),
    "any other file of the crate": Case(
        {"services/hello/templates/a.html": "x"}, hello("services/hello/templates/a.html (added)")
    ),
    "a build script": Case({"util/build.rs": "fn main() {}\n"}, both("rust_shared ← util ← util/build.rs (added)")),
    # manifests of crates
    "dev-dependencies, metadata, lints and comments": Case(
        {
            HELLO: (
                "[dev-dependencies]",
                '# why\n[package.metadata.docs]\nx = 1\n[lints]\n[dev-dependencies]\nnew = "1"',
            ),
            SHARED: ("[dependencies]", '[[test]]\nname = "t"\n[dependencies]'),
            "Cargo.toml": ("[profile", '[workspace.lints.rust]\nunused = "warn"\n[profile.dev]\ndebug = 1\n[profile'),
        }
    ),
    "a description, which env! can read": Case(
        {HELLO: ("[dependencies]", 'description = "x"\n[dependencies]')}, hello(f"{HELLO}: package.description")
    ),
    "what cargo-lambda reads from metadata": Case(
        {HELLO: ("[dependencies]", '[package.metadata.lambda.build]\ninclude = ["x"]\n[dependencies]')},
        hello(f"{HELLO}: package.metadata.lambda"),
    ),
    "an optional dependency": Case(
        {HELLO: dependency('regex = { version = "1", optional = true }')}, hello(f"{HELLO}: dependencies.regex")
    ),
    "a dependency of one platform": Case(
        {SHARED: ("[dependencies]", "[target.'cfg(windows)'.dependencies]\nwinapi = \"0.3\"\n[dependencies]")},
        both(f"rust_shared ← {SHARED}: target.cfg(windows).dependencies.winapi"),
    ),
    "from a registry to a path": Case(
        {
            SHARED: ('itoa = "1"', 'itoa = { path = "../itoa" }'),
            "itoa/Cargo.toml": crate("itoa"),
            "itoa/src/lib.rs": "//\n",
            "Cargo.lock": (
                'name = "itoa"\nversion = "1.0.0"\nsource = "registry+https://example.org/index"\nchecksum = "cc"',
                'name = "itoa"\nversion = "0.1.0"',
            ),
        },
        {
            name: [
                f"{name} ← rust_shared ← {SHARED}: dependencies.itoa",
                f"{name} ← rust_shared ← itoa ← itoa/Cargo.toml (added) and itoa/src/lib.rs (added)",
                f"{name} ← rust_shared ← Cargo.lock: itoa 1.0.0 removed",
            ]
            for name in ("health", "hello")
        },
    ),
    "a manifest that is no TOML": Case(
        {"util/Cargo.toml": "<<<<<<<\n"},
        {
            name: [
                f"{name} ← rust_shared ← util ← util/Cargo.toml (cannot be read)",
                f"{name} ← util/Cargo.toml (cannot be read)",
            ]
            for name in ("health", "hello")
        },
    ),
    "a crate is deleted with its dependency": Case(
        {"util/Cargo.toml": None, "util/src/lib.rs": None, SHARED: ('util = { path = "../util" }\n', "")},
        both(f"rust_shared ← {SHARED}: dependencies.util"),
    ),
    # the workspace
    "a member that nobody is built from": Case({"devtools/src/lib.rs": "// other\n", "tools/x/Cargo.toml": crate("x")}),
    "a release profile": Case({"Cargo.toml": ("lto = true", 'lto = "fat"')}, both("Cargo.toml: profile.release")),
    "features in the workspace's table": Case(
        {"Cargo.toml": ('tokio = "1"', 'tokio = { version = "1", features = ["rt"] }')},
        health("Cargo.toml: workspace.dependencies.tokio"),
    ),
    "a version in the workspace's package": Case(
        {"Cargo.toml": ('version = "0.1.0"', 'version = "0.2.0"')},
        both("rust_shared ← Cargo.toml: workspace.package.version"),
    ),
    "a patch by path": Case(
        {
            "Cargo.toml": ("[profile", '[patch.crates-io]\nitoa = { path = "vendor/itoa" }\n[profile'),
            "vendor/itoa/Cargo.toml": crate("itoa"),
        },
        {
            name: [f"{name} ← vendor/itoa ← vendor/itoa/Cargo.toml (added)", f"{name} ← Cargo.toml: patch.crates-io"]
            for name in ("health", "hello")
        },
    ),
    "a crate gets a workspace of its own": Case(
        {HELLO: ("[dependencies]", "[workspace]\n[dependencies]")},
        hello(f"{HELLO}"),
        base={HELLO: crate("hello", "[dependencies]\n")},
    ),
    "an excluded crate with a workspace of its own": Case(
        {
            "alone/Cargo.toml": crate("alone", "[workspace]\n[profile.release]\nlto = true\n"),
            "alone/src/lib.rs": "//\n",
        },
        hello("alone ← alone/src/lib.rs"),
        base={
            "Cargo.toml": ("[workspace]\n", '[workspace]\nexclude = ["alone"]\n'),
            "alone/Cargo.toml": crate("alone", "[workspace]\n"),
            "alone/src/lib.rs": "",
            HELLO: dependency('alone = { path = "../../alone" }'),
        },
    ),
    # places outside of the crate's folder
    "a binary outside": Case(
        {"shared_main/part.rs": "// other\n"},
        hello("shared_main/part.rs"),
        base={
            "shared_main/main.rs": "mod part;\n",
            "shared_main/part.rs": "//\n",
            HELLO: ("[dependencies]", '[[bin]]\nname = "hello"\npath = "../../shared_main/main.rs"\n[dependencies]'),
        },
    ),
    "a library outside": Case(
        {"lib/code.rs": "// other\n"},
        both("rust_shared ← util ← lib/code.rs"),
        base={"lib/code.rs": "//\n", "util/Cargo.toml": crate("util", '[lib]\npath = "../lib/code.rs"\n')},
    ),
    "a build script outside": Case(
        {"scripts/build.rs": "// other\n"},
        both("rust_shared ← util ← scripts/build.rs"),
        base={"scripts/build.rs": "//\n", "util/Cargo.toml": crate("util", 'build = "../scripts/build.rs"\n')},
    ),
    "declared inputs": Case(
        {"proto/a/x.proto": "x", "docs/mail.md": "x", "elsewhere/y": "y"},
        hello("proto/a/x.proto (added)", "docs/mail.md (added)"),
        services={"hello": {"inputs": ("proto", "docs/mail.md")}},
    ),
    "inputs inside another crate": Case(
        {"devtools/README.md": "x"}, hello("devtools/README.md (added)"), services={"hello": {"inputs": ("devtools",)}}
    ),
    # links, submodules, renames
    "a crate behind a symbolic link": Case(
        {"real/util/src/lib.rs": "// other\n"},
        both("rust_shared ← real/util ← real/util/src/lib.rs"),
        base={
            "util/Cargo.toml": None,
            "util/src/lib.rs": None,
            "util": Link("real/util"),
            "real/util/Cargo.toml": crate("util"),
            "real/util/src/lib.rs": "//\n",
        },
    ),
    "a source that is a symbolic link": Case(
        {"common/code.rs": "// other\n"},
        hello("services/hello/src/code.rs"),
        base={"common/code.rs": "//\n", "services/hello/src/code.rs": Link("../../../common/code.rs")},
    ),
    "a link to a link, and one that leads outside": Case(
        {"common/code.rs": "// other\n", "services/health/src/out": Link("/etc/passwd")},
        {**hello("services/hello/src"), **health("services/health/src/out (added)")},
        base={
            MAIN: None,
            "services/hello/src": Link("../../first"),
            "first": Link("common"),
            "common/code.rs": "//\n",
            "circle": Link("circle"),
        },
    ),
    "a submodule with a crate": Case(
        {"vendor": Submodule("2" * 40)},
        hello("vendor/crate ← vendor"),
        base={"vendor": Submodule("1" * 40), HELLO: dependency('x = { path = "../../vendor/crate" }')},
    ),
    "a rename from crate to crate": Case(
        {"services/hello/src/moved.rs": None, "services/health/src/moved.rs": "// moved\n" * 9},
        {**hello("services/hello/src/moved.rs (deleted)"), **health("services/health/src/moved.rs (added)")},
        base={"services/hello/src/moved.rs": "// moved\n" * 9},
    ),
    # what others wrote
    "a version": Case(
        {"Cargo.lock": LOCK.replace("serde 1.0.1", "serde 1.0.2").replace('"1.0.1"', '"1.0.2"')},
        hello("Cargo.lock: serde 1.0.1 → 1.0.2"),
    ),
    "the other version of a name": Case({"Cargo.lock": ('version = "0.9.0"', 'version = "0.9.1"')}),
    "a dependency of a dev-dependency": Case({"Cargo.lock": ('version = "0.8.0"', 'version = "0.8.1"')}),
    "a version behind a local crate": Case(
        {"Cargo.lock": ('name = "itoa"\nversion = "1.0.0"', 'name = "itoa"\nversion = "1.0.1"')},
        both("rust_shared ← Cargo.lock: itoa 1.0.0 → 1.0.1"),
    ),
    "a version through others": Case(
        {"Cargo.lock": ('name = "hyper"\nversion = "1.6.0"', 'name = "hyper"\nversion = "1.7.0"')},
        health("tokio ← middle ← hyper 1.6.0 → 1.7.0"),
        base={
            "Cargo.lock": LOCK.replace('checksum = "ee"', 'checksum = "ee"\ndependencies = ["middle"]')
            + pinned("middle", "1.0.0", 'dependencies = ["hyper"]\n')
            + pinned("hyper", "1.6.0")
        },
    ),
    "many versions": Case(
        {"Cargo.lock": FIVE + "".join(pinned(f"p{n}", "2") for n in range(5))},
        health(*(f"Cargo.lock: p{n} 1 → 2" for n in range(3)), "Cargo.lock: 2 more packages"),
        base={
            "Cargo.lock": FIVE + "".join(pinned(f"p{n}", "1") for n in range(5)),
            HEALTH: dependency("\n".join(f'p{n} = "*"' for n in range(5))),
        },
    ),
    "a checksum, and a source": Case(
        {"Cargo.lock": LOCK.replace('"ee"', '"e2"').replace('"cc"', '"c2"')},
        {
            "health": [
                "health ← Cargo.lock: tokio 1.40.0 from another source",
                "health ← rust_shared ← Cargo.lock: itoa 1.0.0 from another source",
            ],
            "hello": ["hello ← rust_shared ← Cargo.lock: itoa 1.0.0 from another source"],
        },
    ),
    "a revision of a git dependency": Case(
        {"Cargo.lock": ("#aaaa", "#bbbb")},
        health("Cargo.lock: tokio 1.40.0 from another source"),
        base={"Cargo.lock": GIT_LOCK},
    ),
    "another format of the lock": Case(
        {"Cargo.lock": GIT_LOCK.replace("version = 4", "version = 3").replace("a%2Fb", "a/b")},
        base={"Cargo.lock": GIT_LOCK},
    ),
    "a comment in the lock": Case({"Cargo.lock": f"# by hand\n{LOCK}"}),
    "a renamed dependency": Case(
        {"Cargo.lock": LOCK.replace('"tokio"]', '"tokio", "real"]') + pinned("real", "2")},
        health("Cargo.lock: real 1 → 2"),
        base={
            HEALTH: dependency('short = { package = "real", version = "*" }'),
            "Cargo.lock": LOCK.replace('"tokio"]', '"tokio", "real"]') + pinned("real", "1"),
        },
    ),
    "no lock any more": Case({"Cargo.lock": None}, both("Cargo.lock (deleted)")),
    # features of others that are built in the same cargo run
    "a sibling asks for a feature of a shared package": Case(
        {HELLO: dependency('itoa = { version = "1", features = ["fast"] }')},
        {
            **hello(f"{HELLO}: dependencies.itoa"),
            **health(f"services/hello ← {HELLO}: itoa"),
        },
    ),
    "a sibling asks for a feature that was asked for already": Case(
        {HELLO: dependency('itoa = { version = "1", features = ["fast"] }')},
        hello(f"{HELLO}: dependencies.itoa"),
        base={HEALTH: dependency('itoa = { version = "1", features = ["fast"] }')},
    ),
    "a sibling asks for a feature of a package of its own": Case(
        {HELLO: ("serde.workspace = true", 'serde = { workspace = true, features = ["derive"] }')},
        hello(f"{HELLO}: dependencies.serde"),
    ),
    "a sibling asks for a package that is built from a shared one": Case(
        {
            HELLO: dependency('uuid = "1"'),
            "Cargo.lock": LOCK.replace('"serde 1.0.1"]', '"serde 1.0.1", "uuid"]')
            + pinned("uuid", "1.0.0", 'dependencies = ["itoa"]\n'),
        },
        {
            **hello(f"{HELLO}: dependencies.uuid", "Cargo.lock: uuid 1.0.0 added"),
            **health(f"services/hello ← {HELLO}: uuid"),
        },
    ),
    "a sibling switches a feature on": Case(
        {HELLO: ("default = []", 'default = ["quick"]')},
        {**hello(f"{HELLO}: features.default"), **health(f"services/hello ← {HELLO}: itoa")},
        base={
            HELLO: (
                "[dependencies]",
                '[features]\ndefault = []\nquick = ["itoa/fast"]\n[dependencies]\nitoa = "1"',
            )
        },
    ),
    "a new sibling that asks for nothing new": Case(
        {
            "services/new/Cargo.toml": crate("new", '[dependencies]\nrust_shared.workspace = true\nitoa = "1"\n'),
            "services/new/src/main.rs": "fn main() {}\n",
        }
    ),
    "a new sibling that asks for something new": Case(
        {
            "services/new/Cargo.toml": crate(
                "new", '[dependencies]\nrust_shared.workspace = true\nitoa = { version = "1", features = ["x"] }\n'
            ),
            "services/new/src/main.rs": "fn main() {}\n",
        },
        both("services/new ← services/new/Cargo.toml: itoa"),
    ),
    "a crate behind a sibling asks for a feature of a shared package": Case(
        {"extra/Cargo.toml": crate("extra", '[dependencies]\nitoa = { version = "1", features = ["fast"] }\n')},
        {
            **health("extra ← extra/Cargo.toml: dependencies.itoa"),
            **hello("services/health ← extra ← extra/Cargo.toml: itoa"),
        },
        base={
            "extra/Cargo.toml": crate("extra", '[dependencies]\nitoa = "1"\n'),
            HEALTH: dependency('extra = { path = "../../extra" }'),
        },
    ),
    "a sibling without any crate in common": Case(
        {"services/new/Cargo.toml": crate("new", '[dependencies]\nserde = { version = "1", features = ["rc"] }\n')},
        hello("services/new ← services/new/Cargo.toml: serde"),
        base={
            "services/new/Cargo.toml": crate("new", '[dependencies]\nserde = "1"\n'),
            "services/new/src/main.rs": "fn main() {}\n",
        },
    ),
    "one with other local features is no sibling": Case(
        {HELLO: dependency('itoa = { version = "1", features = ["fast"] }')},
        hello(f"{HELLO}: dependencies.itoa"),
        base={HELLO: ("{ workspace = true }", '{ workspace = true, features = ["aws"] }')},
    ),
    "one with features of its own is built alone": Case(
        {HELLO: dependency('itoa = { version = "1", features = ["fast"] }')},
        hello(f"{HELLO}: dependencies.itoa"),
        services={"health": {"features": ("x",)}},
    ),
    "an extension it runs with": Case(
        {"services/health/src/main.rs": "// other\n", HEALTH: ('"0.1.0"\n', '"0.1.0"\ndescription = "x"\n')},
        {
            **health(f"{HEALTH}: package.description and services/health/src/main.rs"),
            **hello(f"health ← {HEALTH}: package.description and services/health/src/main.rs"),
        },
        services={"hello": {"extensions": ("health",)}},
    ),
    # what it is compiled with
    "configuration, toolchain and the like": Case(
        {".cargo/config.toml": "[build]\n", "services/rust-toolchain": "1.90\n", "CargoLambda.toml": "[build]\n"},
        {
            name: [
                f"{name} ← {file} (added)"
                for file in (".cargo/config.toml", "CargoLambda.toml", "services/rust-toolchain")
            ]
            for name in ("health", "hello")
        },
    ),
    "configuration in the crate": Case(
        {"services/hello/.cargo/config.toml": '[env]\nA = "2"\n'},
        hello("services/hello/.cargo/config.toml"),
        base={"services/hello/.cargo/config.toml": '[env]\nA = "1"\n'},
    ),
    "configuration of how cargo talks": Case(
        {".cargo/config.toml": '# why\n[alias]\nb = "build"\n[net]\nretry = 3\n'},
        base={".cargo/config.toml": "[alias]\n"},
    ),
    "what a configuration includes": Case(
        {".cargo/more.toml": "[env]\nA = '1'\n", "conf/last.toml": "[env]\nA = '2'\n"},
        {name: [f"{name} ← .cargo/more.toml (added)", f"{name} ← conf/last.toml"] for name in ("health", "hello")},
        base={
            ".cargo/config.toml": 'include = ["more.toml", { path = "../conf/first.toml", optional = true }]\n',
            "conf/first.toml": 'include = "last.toml"\n',
            "conf/last.toml": "[env]\n",
        },
    ),
    "a crate that a configuration puts in the place of another": Case(
        {"mine/src/lib.rs": "// other\n"},
        both("mine ← mine/src/lib.rs"),
        base={
            ".cargo/config.toml": '[patch.crates-io]\nitoa = { path = "mine" }\n',
            "mine/Cargo.toml": crate("itoa"),
            "mine/src/lib.rs": "",
        },
    ),
    # the project
    "comments in manifests": Case(
        {
            "services/hello/service.yaml": f"# why\n{FILES['services/hello/service.yaml']}",
            "crabwalk.yaml": f"# why\n{FILES['crabwalk.yaml']}",
        }
    ),
    "a manifest": Case(
        {"services/hello/service.yaml": ("name: hello\n", "name: hello\nmemory: 256 MB\n")},
        hello("services/hello/service.yaml"),
    ),
    "another environment": Case(
        {"crabwalk.yaml": ("project: demo", 'project: demo\nenvironments: {p: {account: "111122223333", region: x}}')}
    ),
    "how to build": Case(
        {"crabwalk.yaml": ("project: demo", "project: demo\nbuild: {auditable: true}")}, both("crabwalk.yaml")
    ),
    "modules": Case(
        {"modules/http-api/main.tf": "# other\n", "modules/http-api/README.md": "x", "modules/http-api/tests/x": "x"},
        hello("modules/http-api ← modules/http-api/main.tf"),
    ),
    "a module that a module calls": Case(
        {"modules/names/main.tf": "# other\n"},
        both("modules/names ← modules/names/main.tf"),
        base={
            "modules/names/main.tf": "#\n",
            "modules/rust-lambda/names.tf": 'module "n" {\n  source = "../names"\n}\n',
        },
    ),
    "a module that nobody uses": Case({"modules/sqs/main.tf": "# other\n"}),
}


def edited(files: Mapping[str, Content], edits: Edits) -> dict[str, Content]:
    found = dict(files)
    for path, edit in edits.items():
        if edit is None:
            del found[path]
        elif isinstance(edit, tuple):
            before = found[path]
            assert isinstance(before, str)
            assert edit[0] in before, (path, edit)
            found[path] = before.replace(*edit)
        else:
            found[path] = edit
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "repo"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        trees = {}
        for number, case in enumerate(CASES.values()):
            base = edited(FILES, case.base)
            trees[f"case-{number}"] = (base, edited(base, case.head))
        commit_kit.import_trees(folder, trees)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_case(root: Path, name: str) -> None:
    case = CASES[name]
    branch = f"case-{list(CASES).index(name)}"
    assert commit_kit.chains(root, branch, **case.services) == case.affects
    assert commit_kit.chains(root, branch, **case.services) == case.affects, "from the cache"
