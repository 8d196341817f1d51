"""A service's own Terraform: what is read of it, what is refused with its place, what of HCL is understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.manifest.own_terraform import MAX_BYTES, read, shared, unknown

PLAIN = """# provider "aws" {} in a comment
/* variable "no" {} */ // terraform {}
variable "alias_arn" {
  description = "The \\"alias\\" { ${lookup({a = "}"}, "a")} $${x}"
  type        = string
}

variable "days" {
  type    = object({ a = string })
  default = { a = "variable \\"x\\" {" }
}
locals {
  text = <<-EOT
    provider "aws" {
    }
  EOT
  nested = { variable = { b = 1 } }
}
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
module "more" {
  source = "../../../modules/sqs-queue"
}
"""


def folder(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "infra" / name.replace("__", "/").replace("_tf", ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def said(root: Path) -> list[str]:
    own = read(root, "services/todos")
    assert own is not None
    return [str(one) for one in own.problems]


def test_no_folder_and_one_without_terraform_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, "x") is None
    folder(tmp_path, README_md="x")
    assert read(tmp_path, "x") is None


def test_variables_and_modules_are_found_and_nothing_else(tmp_path: Path) -> None:
    own = read(folder(tmp_path, main_tf=PLAIN, sub__main_tf='variable "inner" {}\n'), "services/todos")
    assert own is not None
    assert own.problems == ()
    assert [(one.name, one.needed, one.line) for one in own.variables] == [("alias_arn", True, 3), ("days", False, 8)]
    assert shared(own.files) == ("sqs-queue",)
    assert sorted(own.files) == ["main.tf", "sub/main.tf"]


def test_what_only_a_root_may_have_is_refused_where_it_stands(tmp_path: Path) -> None:
    text = 'terraform {\n  backend "s3" {\n  }\n  cloud {}\n}\n\n  provider "aws" {\n  region = "x"\n}\n'
    assert said(folder(tmp_path, main_tf=text, sub__more_tf='provider "aws" {}\n')) == [
        "services/todos/infra/main.tf:2:3: `backend` cannot stand here: the state is the stack's, remove it",
        "services/todos/infra/main.tf:4:3: `cloud` cannot stand here: the state is the stack's, remove it",
        (
            "services/todos/infra/main.tf:7:3: `provider aws` cannot stand here: the root has the provider, "
            "remove it; region and tags are the environment's"
        ),
        (
            "services/todos/infra/sub/more.tf:1:1: `provider aws` cannot stand here: the root has the provider, "
            "remove it; region and tags are the environment's"
        ),
    ]


def test_json_syntax_is_read_too(tmp_path: Path) -> None:
    text = '{"variable": {"a": {}, "b": {"default": 1}}, "terraform": {"backend": {"s3": {}}}, "provider": {"aws": {}}}'
    own = read(folder(tmp_path, **{"main_tf.json": text}), "x")
    assert own is not None
    assert [(one.name, one.needed) for one in own.variables] == [("a", True), ("b", False)]
    assert [one.what.split("`")[1] for one in own.problems] == ["provider aws", "backend"]
    assert "is no JSON" in said(folder(tmp_path, **{"main_tf.json": "{"}))[0]


def test_what_nobody_passes_needs_a_default(tmp_path: Path) -> None:
    own = read(folder(tmp_path, main_tf='variable "alias_arm" {\n}\nvariable "x" { default = 1 }\n'), "services/todos")
    assert own is not None
    assert [str(one) for one in unknown(own, ("alias_arn", "tags"))] == [
        (
            "services/todos/infra/main.tf:1:1: variable `alias_arm` is none of those that are passed, "
            "did you mean `alias_arn`?"
        )
    ]


def test_states_values_and_hidden_files_stay_where_they_are(tmp_path: Path) -> None:
    root = folder(tmp_path, main_tf="", more__policy="{}")
    for name in ("terraform.tfstate", "x.auto.tfvars", ".terraform.lock.hcl", "README.md"):
        (root / "infra" / name).write_text("x")
    own = read(root, "x")
    assert own is not None
    assert sorted(own.files) == ["main.tf", "more/policy"]


def test_what_is_no_text_or_too_much_is_said(tmp_path: Path) -> None:
    root = folder(tmp_path, main_tf="")
    (root / "infra" / "code.zip").write_bytes(b"\xff\xfe")
    assert said(root)[0].startswith("services/todos/infra/code.zip:1:1: is no text")
    (root / "infra" / "code.zip").write_text("x" * (MAX_BYTES + 1))
    assert said(root)[0].startswith("services/todos/infra:1:1: is larger than 200 KB")


@pytest.mark.parametrize(
    "text", ['"', '"\n', "/*", "<<EOT\n", 'variable "a" {', '"${', '"\\', "}{", 'x = "${a("', "<<"]
)
def test_what_is_no_hcl_is_passed_over(tmp_path: Path, text: str) -> None:
    assert said(folder(tmp_path, main_tf=text)) == []
