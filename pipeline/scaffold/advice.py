"""What to do once a new service is written; advises nothing that would be refused. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.manifest.models import Service

_UNTRACKED = ("target/", ".crabwalk/")  # what builds and deploys leave in the project


def next_steps(root: Path, name: str, manifest: str, *, schema: bool) -> tuple[str, ...]:
    """One line each; `schema`: the manifest names the one that editors complete it from."""
    service = _typed(manifest, root)
    steps = [f"cargo test -p {name}"]
    committed = [folder for folder in _UNTRACKED if _would_be_committed(root, folder)]
    if committed:
        steps.append(f"enter {' and '.join(committed)} into .gitignore: git would commit what is built")
    if not schema:
        steps.append("crabwalk check --schema, for completion in editors: what `new` writes afterwards names it")
    if service.kind == "extension":
        steps.append(f"name it in a function's manifest: `extensions: [{name}]`")
    else:
        steps.append(f"crabwalk dev {name}, then crabwalk invoke {name} --dev")
    return (*steps, _release(service))


def _release(service: Service) -> str:
    if service.kind == "extension":
        return "commit, Cargo.lock too, then crabwalk deploy that function"
    return f"commit, Cargo.lock too, then crabwalk deploy {service.name}"


def _typed(text: str, folder: Path) -> Service:
    """The new manifest as later stages will see it."""
    from pipeline.manifest.document import compose
    from pipeline.manifest.models import Manifest, Service
    from pipeline.manifest.rules import FROM_YAML

    node = compose(text, "service.yaml", [])
    written = node.plain() if node is not None else {}
    plain = {key: value for key, value in written.items() if key not in {"crabwalk", "overlays"}}
    manifest = Manifest.model_validate(plain, context=FROM_YAML, by_alias=True, by_name=False)
    fields = {name: getattr(manifest, name) for name in Manifest.model_fields}
    return Service(**fields, directory=folder, file=folder / "service.yaml")


def _would_be_committed(root: Path, folder: str) -> bool:
    """Whether git knows no reason to leave the folder out; outside of a repository nothing is committed."""
    from pipeline.workspace.plumbing import GitFault, run

    try:
        run(root, "check-ignore", f"{folder}x")
    except GitFault as fault:
        return fault.code == 1
    return False
