"""Where Terraform gets the AWS provider from: the registry, or a filesystem mirror already on the machine.

A mirror is used on request (CRABWALK_PROVIDER_MIRROR) or when one lies on the disk and the registry cannot be
reached. A CLI configuration the user has set is respected, a variable that points at a missing file is not.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from pipeline.errors import UsageError

REQUEST = "CRABWALK_PROVIDER_MIRROR"
CLI_CONFIG = "TF_CLI_CONFIG_FILE"
PLUGIN_CACHE = "TF_PLUGIN_CACHE_DIR"
REGISTRY = "registry.terraform.io"
OPENTOFU_REGISTRY = "registry.opentofu.org"
PROVIDER = "hashicorp/aws"
SOURCE = f"{REGISTRY}/{PROVIDER}"
REGISTRY_TIMEOUT_S = 3.0
PREFIXES = (
    "/opt",
    "/usr/share",
    "/usr/local/share",
    "/usr/local/lib",
    "/usr/lib",
    "/srv",
    "~/.local/share",
    "~/.terraform.d",
)

_VERSION = re.compile(r'^\s*version\s*=\s*"([^"]+)"', re.MULTILINE)


def configure(
    environment: Mapping[str, str], directory: Path, lock: bytes, *, opentofu: bool = False
) -> dict[str, str]:
    """Return `environment` with Terraform's CLI configuration as it should be; may write one into `directory`.

    OpenTofu takes the same provider from a registry of its own; of a mirror of Terraform's it gets a view.
    """
    result = {name: value for name, value in environment.items() if name != PLUGIN_CACHE}
    requested = environment.get(REQUEST)
    configured = environment.get(CLI_CONFIG)
    if configured and not Path(configured).is_file():
        del result[CLI_CONFIG]  # Terraform would warn on every command
        configured = None
    own = ("~/.tofurc", "~/.terraformrc") if opentofu else ("~/.terraformrc",)
    if not requested and (configured or any(Path(one).expanduser().is_file() for one in own)):
        return result
    registry = OPENTOFU_REGISTRY if opentofu else REGISTRY
    mirror = choose_mirror(requested, locked_version(lock), registry)
    if mirror is None:
        result[PLUGIN_CACHE] = str(plugin_cache(environment))
        return result
    path = directory / ".terraform" / "crabwalk.tfrc"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = cli_config(_view(mirror, locked_version(lock), path.parent) if opentofu else mirror, registry)
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
    result[CLI_CONFIG] = str(path)
    return result


def plugin_cache(environment: Mapping[str, str]) -> Path:
    """Per-user folder in which a downloaded provider is kept, so that the next root links it."""
    base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "~").expanduser() / ".cache"
    return Path(base) / "crabwalk" / "providers"


@contextmanager
def alone(environment: Mapping[str, str]) -> Iterator[None]:
    """Let one init at a time use the plugin cache: Terraform itself does not guard it."""
    cache = environment.get(PLUGIN_CACHE)
    if cache is None:
        yield
        return
    import fcntl

    Path(cache).mkdir(parents=True, exist_ok=True)
    with (Path(cache) / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _view(mirror: Path, version: str, directory: Path) -> Path:
    """The mirror's package under the name of OpenTofu's registry."""
    view = directory / "crabwalk-mirror"
    package = view / OPENTOFU_REGISTRY / PROVIDER / version / machine()
    package.parent.mkdir(parents=True, exist_ok=True)
    package.unlink(missing_ok=True)
    package.symlink_to(mirror / SOURCE / version / machine())
    return view


def choose_mirror(requested: str | None, version: str, registry: str = REGISTRY) -> Path | None:
    """The mirror to use, or None for the registry."""
    if requested:
        mirror = Path(requested).expanduser().resolve()
        if not _holds(mirror, version):
            raise UsageError(
                f"{REQUEST}: no {SOURCE}/{version}/{machine()} below {mirror}",
                hint="name the folder of an unpacked filesystem mirror, or unset the variable",
            )
        return mirror
    mirror_found = find_mirror(PREFIXES, version)
    if mirror_found is None or registry_reachable(registry):
        return None
    return mirror_found


def find_mirror(prefixes: Iterable[str], version: str) -> Path | None:
    """An unpacked mirror with this version for this machine: a prefix itself or a direct child of one."""
    for prefix in prefixes:
        folder = Path(prefix).expanduser()
        try:
            candidates = [folder, *sorted(child for child in folder.iterdir() if child.is_dir())]
        except OSError:
            continue
        for candidate in candidates:
            if _holds(candidate, version):
                return candidate
    return None


def _holds(mirror: Path, version: str) -> bool:
    return (mirror / SOURCE / version / machine()).is_dir()


@lru_cache(maxsize=2)
def registry_reachable(registry: str = REGISTRY) -> bool:
    """Whether the registry's discovery document is answered; a proxy's error page is not one."""
    from http.client import HTTPException
    from urllib.request import urlopen

    try:
        with urlopen(f"https://{registry}/.well-known/terraform.json", timeout=REGISTRY_TIMEOUT_S) as answer:
            return isinstance(json.loads(answer.read(65536)).get("providers.v1"), str)
    except (OSError, ValueError, AttributeError, HTTPException):
        return False


def locked_version(lock: bytes) -> str:
    """The provider version the lock file names."""
    found = _VERSION.search(lock.decode())
    if found is None:
        raise UsageError("the provider lock names no version", where=".terraform.lock.hcl")
    return found.group(1)


def machine() -> str:
    """This machine as Terraform names it, for example linux_amd64."""
    names = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64"}
    architecture = platform.machine()
    return f"{'windows' if os.name == 'nt' else sys.platform}_{names.get(architecture, architecture)}"


def cli_config(mirror: Path, registry: str = REGISTRY) -> str:
    """A CLI configuration that takes the provider from `mirror`. Terraform's parser wants one argument a line."""
    path, source = json.dumps(str(mirror), ensure_ascii=False), f"{registry}/{PROVIDER}"
    return f"""\
provider_installation {{
  filesystem_mirror {{
    path    = {path}
    include = ["{source}"]
  }}
  direct {{
    exclude = ["{source}"]
  }}
}}
"""
