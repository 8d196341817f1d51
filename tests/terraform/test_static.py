"""What reading a module shows: nothing undeclared, nothing unused, nothing that ties it to one place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.infra.calls import WITH_ROLES

MODULES = Path(__file__).parents[2] / "modules"
NAMES = sorted(path.parent.name for path in MODULES.glob("*/main.tf"))

# `terraform fmt` is checked beside this, so a block begins and ends in the first column.
BLOCK = re.compile(
    r'^(?P<kind>[a-z]+)(?: "(?P<one>[^"]+)")?(?: "(?P<two>[^"]+)")? \{(?:\n(?P<body>.*?)^\}|\}$)',
    re.MULTILINE | re.DOTALL,
)
COMMENT = re.compile(r"^\s*(?:#|//).*$|(?<=\s)#\s.*$", re.MULTILINE)
BOUNDARY = "permissions_boundary"
PLACES = {
    "an ARN of one partition (use data.aws_partition)": re.compile(r"\barn:aws[a-z-]*:"),
    "an account": re.compile(r"\b[0-9]{12}\b"),
    "a region": re.compile(r'"(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-[a-z]+){1,2}-[0-9]"'),
}


@dataclass(frozen=True)
class Block:
    """A block of a module's top level."""

    kind: str
    labels: tuple[str, ...]
    body: str

    @property
    def address(self) -> str:
        return ".".join((self.kind, *self.labels))


def code(name: str) -> str:
    """A module's own files in one, without comments."""
    return COMMENT.sub("", "\n".join(path.read_text() for path in sorted((MODULES / name).glob("*.tf"))))


def blocks(text: str, kind: str) -> Iterator[Block]:
    for match in BLOCK.finditer(text):
        if match["kind"] == kind:
            yield Block(kind, tuple(label for label in (match["one"], match["two"]) if label), match["body"] or "")


def attribute(block: Block, name: str) -> str | None:
    found = re.search(rf"^  {name}\s*= (.+)$", block.body, re.MULTILINE)
    return found[1] if found else None


def problems(text: str) -> list[str]:
    """Everything that is wrong with a module of this text."""
    return [*_declared(text), *_unused(text), *_versions(text), *_tied(text)]


def _declared(text: str) -> Iterator[str]:
    for kind in ("variable", "output"):
        for block in blocks(text, kind):
            description = attribute(block, "description") or ""
            if not re.fullmatch(r'".{10,}[.:]"', description):
                yield f"{block.address}: its description is no sentence: {description or 'none'}"
            if kind == "variable" and attribute(block, "type") is None and "type = " not in block.body:
                yield f"{block.address}: no type"
    tags = [block for block in blocks(text, "variable") if block.labels == ("tags",)]
    if not tags and re.search(r"^  tags\s+=", text, re.MULTILINE):
        yield "variable.tags: there is none, yet things are tagged"


def _unused(text: str) -> Iterator[str]:
    for block in blocks(text, "variable"):
        elsewhere = text.replace(block.body, "") if block.body else text
        if not re.search(rf"\bvar\.{block.labels[0]}\b", elsewhere):
            yield f"{block.address}: nothing uses it"
    for block in blocks(text, "data"):
        if not re.search(rf"\bdata\.{block.labels[0]}\.{block.labels[1]}\b", text):
            yield f"{block.address}: nothing uses it"
    for block in blocks(text, "locals"):
        for local in re.findall(r"^  ([a-z0-9_]+)\s*= ", block.body, re.MULTILINE):
            if not re.search(rf"\blocal\.{local}\b", text):
                yield f"local.{local}: nothing uses it"


def _versions(text: str) -> Iterator[str]:
    terraform = list(blocks(text, "terraform"))
    if len(terraform) != 1:
        yield f"terraform: {len(terraform)} blocks, there must be one"
        return
    if attribute(terraform[0], "required_version") is None:
        yield "terraform: no required_version"
    if re.search(r"^resource |^data ", text, re.MULTILINE) and not re.search(r'version\s+= "~> \d', terraform[0].body):
        yield "terraform: the provider's version has no bound"
    if any(blocks(text, "provider")):
        yield "provider: a module takes its caller's"


def _tied(text: str) -> Iterator[str]:
    for what, pattern in PLACES.items():
        yield from (f"{found[0]}: names {what}" for found in pattern.finditer(text))


@pytest.mark.parametrize("name", NAMES)
def test_a_module_has_nothing_undeclared_unused_or_tied_to_a_place(name: str) -> None:
    assert problems(code(name)) == []


def test_a_module_gives_each_of_its_roles_the_boundary_it_is_given() -> None:
    made = {}
    for name in set(NAMES) - {"github-oidc"}:  # whose roles have one of their own
        roles = [block for block in blocks(code(name), "resource") if block.labels[0] == "aws_iam_role"]
        made |= {name: {attribute(role, "permissions_boundary") for role in roles}} if roles else {}
    assert made == {name: {"var.permissions_boundary"} for name in WITH_ROLES}
    said = {next(one for one in blocks(code(name), "variable") if one.labels == (BOUNDARY,)).body for name in made}
    assert len(said) == 1, "it is declared the same everywhere"


def test_what_is_wrong_is_found() -> None:
    text = """terraform {
  required_version = ">= 1.7"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
variable "used" {
  description = "What is used by the resource."
  type        = string
}
resource "aws_sqs_queue" "this" {
  name = var.used
}
"""
    assert problems(text) == []
    variable = 'variable "odd" {\n  validation {\n    condition = var.odd != ""\n  }\n}\n'
    assert problems(text + variable) == [
        "variable.odd: its description is no sentence: none",
        "variable.odd: no type",
        "variable.odd: nothing uses it",
    ]
    assert problems(text + 'data "aws_region" "this" {}\n') == ["data.aws_region.this: nothing uses it"]
    assert problems(text + 'locals {\n  odd = "arn:aws:s3:::x"\n}\n') == [
        "local.odd: nothing uses it",
        "arn:aws:: names an ARN of one partition (use data.aws_partition)",
    ]
    assert problems(text + 'output "odd" {\n  description = "short"\n}\n') == [
        'output.odd: its description is no sentence: "short"'
    ]
    assert problems(text.replace('version = "~> 5.100"', "")) == ["terraform: the provider's version has no bound"]
    assert problems(text + 'provider "aws" {\n  region = "eu-west-1"\n}\n') == [
        "provider: a module takes its caller's",
        '"eu-west-1": names a region',
    ]
    assert problems(text + 'resource "aws_sqs_queue" "two" {\n  tags = {}\n}\n') == [
        "variable.tags: there is none, yet things are tagged"
    ]
