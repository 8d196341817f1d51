from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.infra import provider

LOCK = (Path(__file__).parents[3] / "modules" / ".terraform.lock.hcl").read_bytes()
VERSION = provider.locked_version(LOCK)


@pytest.fixture(autouse=True)
def no_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's mirror nor its registry nor its home takes part."""
    monkeypatch.setattr(provider, "PREFIXES", (str(tmp_path / "prefix"),))
    monkeypatch.setattr(provider, "registry_reachable", lambda _: False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def mirror(folder: Path, version: str = VERSION) -> Path:
    (folder / provider.SOURCE / version / provider.machine()).mkdir(parents=True)
    return folder


def configured(tmp_path: Path, **environment: str) -> dict[str, str]:
    return provider.configure(environment, tmp_path / "root", LOCK)


def test_the_lock_names_the_version() -> None:
    assert VERSION.startswith("5.")
    with pytest.raises(UsageError, match="names no version"):
        provider.locked_version(b"")


@pytest.mark.parametrize("child", [".", "plugins"])
def test_a_mirror_is_found_in_a_prefix_or_a_child_of_it(tmp_path: Path, child: str) -> None:
    expected = mirror(tmp_path / "prefix" / child)
    assert provider.find_mirror([str(tmp_path / "nowhere"), str(tmp_path / "prefix")], VERSION) == expected


def test_a_mirror_with_another_version_is_none(tmp_path: Path) -> None:
    mirror(tmp_path / "prefix" / "plugins", "5.1.0")
    assert provider.find_mirror([str(tmp_path / "prefix")], VERSION) is None


def test_a_found_mirror_is_used_when_the_registry_is_out_of_reach(tmp_path: Path) -> None:
    found = mirror(tmp_path / "prefix" / "plugins")
    config = Path(configured(tmp_path)["TF_CLI_CONFIG_FILE"])
    assert f'    path    = "{found}"\n' in config.read_text()
    assert config.is_relative_to(tmp_path / "root" / ".terraform")


def test_the_registry_is_used_when_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror(tmp_path / "prefix" / "plugins")
    monkeypatch.setattr(provider, "registry_reachable", lambda _: True)
    variables = configured(tmp_path, HOME=str(tmp_path / "home"))
    assert "TF_CLI_CONFIG_FILE" not in variables
    assert variables["TF_PLUGIN_CACHE_DIR"] == str(tmp_path / "home" / ".cache" / "crabwalk" / "providers")


def test_without_a_mirror_nobody_asks_for_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "registry_reachable", lambda _: pytest.fail("asked"))
    assert "TF_CLI_CONFIG_FILE" not in configured(tmp_path)


def test_a_mirror_on_request_needs_no_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "registry_reachable", lambda _: pytest.fail("asked"))
    wanted = mirror(tmp_path / "mine")
    config = Path(configured(tmp_path, CRABWALK_PROVIDER_MIRROR=str(wanted))["TF_CLI_CONFIG_FILE"])
    assert str(wanted) in config.read_text()


def test_a_requested_mirror_without_the_provider_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no {provider.SOURCE}/{VERSION}"):
        configured(tmp_path, CRABWALK_PROVIDER_MIRROR=str(tmp_path))


def test_the_users_own_configuration_is_respected(tmp_path: Path) -> None:
    mirror(tmp_path / "prefix" / "plugins")
    own = tmp_path / "own.tfrc"
    own.write_text("")
    assert configured(tmp_path, TF_CLI_CONFIG_FILE=str(own))["TF_CLI_CONFIG_FILE"] == str(own)


def test_the_users_own_file_in_the_home_is_respected(tmp_path: Path) -> None:
    mirror(tmp_path / "prefix" / "plugins")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".terraformrc").write_text("")
    assert configured(tmp_path) == {}


def test_a_variable_that_points_nowhere_is_dropped(tmp_path: Path) -> None:
    assert "TF_CLI_CONFIG_FILE" not in configured(tmp_path, TF_CLI_CONFIG_FILE=str(tmp_path / "missing"))


@pytest.mark.parametrize(
    ("body", "reachable"),
    [
        (b'{"modules.v1": "/v1/modules/", "providers.v1": "/v1/providers/"}', True),
        (b"blocked by the proxy", False),
        (b"[]", False),
        (b"{}", False),
        (b"", False),
        (b"\xff\xfe", False),
    ],
)
def test_only_the_discovery_document_counts_as_an_answer(
    monkeypatch: pytest.MonkeyPatch, body: bytes, reachable: bool
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(body))
    provider.registry_reachable.cache_clear()
    try:
        assert provider.registry_reachable() is reachable
    finally:
        provider.registry_reachable.cache_clear()


def test_a_network_error_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.undo()
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    provider.registry_reachable.cache_clear()
    try:
        assert provider.registry_reachable() is False
    finally:
        provider.registry_reachable.cache_clear()


def test_opentofu_gets_the_same_package_under_its_own_registrys_name(tmp_path: Path) -> None:
    found = mirror(tmp_path / "prefix" / "plugins")
    made = provider.configure({}, tmp_path / "root", LOCK, opentofu=True)
    view = tmp_path / "root" / ".terraform" / "crabwalk-mirror"
    assert Path(made["TF_CLI_CONFIG_FILE"]).read_text() == provider.cli_config(view, "registry.opentofu.org")
    package = view / "registry.opentofu.org" / "hashicorp" / "aws" / VERSION / provider.machine()
    assert package.resolve() == (found / provider.SOURCE / VERSION / provider.machine()).resolve()
    assert provider.configure({}, tmp_path / "root", LOCK, opentofu=True) == made


def test_opentofus_own_file_in_the_home_is_opentofus(tmp_path: Path) -> None:
    mirror(tmp_path / "prefix" / "plugins")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".tofurc").write_text("")
    assert provider.configure({}, tmp_path / "root", LOCK, opentofu=True) == {}
    assert "TF_CLI_CONFIG_FILE" in provider.configure({}, tmp_path / "root", LOCK)
