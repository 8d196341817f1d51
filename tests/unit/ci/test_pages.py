"""Pages made by programs: they are committed, so that they can be read on GitHub, and must not be stale."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from pages import RENEW, links, manifest, verbs
from pages.generated import GENERATED

from pipeline.cli import cli
from pipeline.errors import DRIFT, CrabwalkError

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", GENERATED)
def test_what_is_committed_is_what_the_program_writes(name: str) -> None:
    path = DOCS / name
    assert path.is_file(), f"docs/{name} is missing; {RENEW} writes it"
    assert path.read_text() == GENERATED[name](), f"docs/{name} is stale; {RENEW} writes it anew"


def test_every_exit_code_of_a_fault_is_explained() -> None:
    kinds = [CrabwalkError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {kind.exit_code for kind in kinds} | {DRIFT} <= set(verbs.EXIT_CODES)


def test_every_verb_and_option_is_on_the_page() -> None:
    page = verbs.page(cli)
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        part = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        missing = [one.opts[-1] for one in command.params if isinstance(one, click.Option) and not one.hidden]
        assert [option for option in missing if f"`{option}" not in part] == []


@click.group()
def group() -> None:
    pass


@group.command()
@click.argument("service")
@click.option("--fast", type=int, default=2, show_default=True, multiple=False, help="How fast | far.")
@click.option("--quiet/--loud", help="How loud.")
def walk(service: str, fast: int, quiet: bool) -> None:
    """Walk
    a service.

    \b
    one
      two
    """


def _with_examples(_context: click.Context, formatter: click.HelpFormatter) -> None:
    with formatter.section("Examples"):
        formatter.write(
            "  On, very long"
            + " and long" * 20
            + ":\n    crabwalk walk hello\n\n  Fast:\n    crabwalk walk a --fast 3\n"
        )


def test_a_verb_with_examples_and_lines_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "format_epilog", _with_examples)
    part = verbs.page(group).partition("## walk\n")[2].split("\n")
    assert part == [
        "",
        "    crabwalk walk [OPTIONS] SERVICE",
        "",
        "Walk a service.",
        "",
        "    one",
        "      two",
        "",
        "| option | says | default |",
        "|---|---|---|",
        "| `--fast` `INTEGER` | How fast \\| far. | `2` |",
        "| `--quiet`, `--loud` | How loud. |  |",
        "",
        "    # On, very long" + " and long" * 20,
        "    crabwalk walk hello",
        "",
        "    # Fast",
        "    crabwalk walk a --fast 3",
        "",
    ]


def test_kinds_of_values_in_words() -> None:
    schema = {
        "description": "All.",
        "properties": {
            "crabwalk": {"const": 1, "description": "Format."},
            "size": {"type": "string", "examples": ["1 MB"], "default": "2 MB", "description": "How | large."},
            "many": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "minItems": 1, "maxItems": 3},
            "either": {"oneOf": [{"enum": ["a", False]}, {"type": "integer", "minimum": 1, "maximum": 2000}]},
            "named": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "any": {},
        },
        "required": ["crabwalk"],
        "$defs": {
            "Part": {"description": "A part.", "properties": {}},
            "PartOverlay": {"description": "Not shown.", "properties": {}},
        },
    }
    page = manifest.page(schema)
    assert [line for line in page.splitlines() if line.startswith("| `")] == [
        "| `crabwalk` | `1` | required | Format. |",
        "| `size` | text like `1 MB` | `2 MB` | How \\| large. |",
        "| `many` | a list of [Part](#part), 1 to 3 |  |  |",
        "| `either` | `a`, `false` or a number, 1 to 2,000 |  |  |",
        "| `named` | names, each with true, false |  |  |",
        "| `any` | any YAML |  |  |",
    ]
    assert "## Part\n\nA part.\n\nNo keys: write `{}`." in page
    assert "Not shown." not in page


@pytest.mark.parametrize(
    ("source", "page", "link", "there"),
    [
        ("docs/bootstrap.md", "bootstrap.md", "../modules/pipe/README.md#limits", "terraform-modules/pipe.md#limits"),
        ("docs/services.md", "services.md", "../services/hello", "files/services-hello.md"),
        ("docs/gitlab-ci.md", "gitlab-ci.md", "../presets/gitlab/x.yml", "files/presets-gitlab.md"),
        ("docs/buildkite.md", "buildkite.md", "../presets/buildkite", "files/presets-buildkite.md"),
        ("docs/x.md", "x.md", "../.github/workflows/rollback.yml", "files/github-workflows.md"),
        ("docs/modules.md", "modules.md", "../modules", "modules.md"),
        ("docs/reference/cli.md", "reference/cli.md", "../manifest.md#steps", "../manifest.md#steps"),
        ("modules/pipe/README.md", "terraform-modules/pipe.md", "../sqs-queue/README.md", "sqs-queue.md"),
        ("modules/pipe/README.md", "terraform-modules/pipe.md", "../../docs/signals.md", "../signals.md"),
        ("docs/plan.md", "plan.md", "../tests/conftest.py", "../tests/conftest.py"),
        ("docs/plan.md", "plan.md", "https://example.org/x.md", "https://example.org/x.md"),
        ("docs/install.md", "install.md", "../CHANGELOG.md", "changelog.md"),
        ("CHANGELOG.md", "changelog.md", "docs/json.md", "json.md"),
        ("docs/plan.md", "plan.md", "#top", "#top"),
        ("docs/index.md", "index.md", "live-view.svg", "live-view.svg"),
    ],
)  # fmt: skip
def test_a_link_leads_to_the_same_on_github_and_on_the_site(source: str, page: str, link: str, there: str) -> None:
    assert links.source_of(page) == source
    assert links.relinked(f"see [it]({link}).", source, page) == f"see [it]({there})."


def test_the_page_of_a_folder_keeps_its_code_as_it_is() -> None:
    page = links.files_page(
        "services/hello", {"service.yaml": "crabwalk: 1\n", "src/main.rs": "/// ```\nfn main() {}\n"}
    )
    assert page.splitlines()[4:] == [
        "## service.yaml",
        "",
        "````yaml",
        "crabwalk: 1",
        "````",
        "",
        "## src/main.rs",
        "",
        "````rust",
        "/// ```",
        "fn main() {}",
        "````",
    ]
