"""What Terraform's `-json` stream says, in short sentences and errors. Pure; unknown messages are passed over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import ConflictError, TerraformError

Message = Mapping[str, Any]

_DONE = {"create": "created", "update": "updated", "delete": "destroyed", "replace": "replaced", "read": "read"}
_WHILE = {"create": "creating", "update": "updating", "delete": "destroying", "replace": "replacing", "read": "reading"}
_SAVED_ELSEWHERE = re.compile(r"errored\.tfstate")
_LOCK_FIELD = re.compile(r"^\s*(ID|Operation|Who|Created):\s*(.+?)\s*$", re.MULTILINE)


class StateLockedError(ConflictError, TerraformError):
    """Somebody else holds the lock of the state."""


class StalePlanError(ConflictError, TerraformError):
    """The state changed after the plan was made."""


def sentence(message: Message) -> str | None:
    """Return what a message tells a person, or None when that is nothing."""
    kind = message.get("type")
    hook = message.get("hook") or {}
    if kind == "apply_complete":
        return f"{address(hook)} {_DONE.get(hook.get('action', ''), 'done')} ({_seconds(hook)} s)"
    if kind == "apply_progress":
        return f"{address(hook)} still {_WHILE.get(hook.get('action', ''), 'busy')} ({_seconds(hook)} s)"
    if kind == "apply_errored":
        return f"{address(hook)} failed ({_seconds(hook)} s)"
    if kind == "diagnostic" and message.get("@level") == "warn":
        diagnostic = message.get("diagnostic") or {}
        return f"warning: {diagnostic.get('summary', '')}"
    if kind == "init_output" and message.get("message_code") == "initializing_provider_plugin_message":
        return "terraform init"
    return None


def _seconds(hook: Mapping[str, Any]) -> int:
    return round(hook.get("elapsed_seconds") or 0)


def address(hook: Mapping[str, Any]) -> str:
    """The resource's address without the noise of `module.`: `hello.aws_lambda_function.this`."""
    return short_address(str((hook.get("resource") or {}).get("addr", "?")))


def short_address(full: str) -> str:
    """Drop the leading `module.` of an address."""
    return full.removeprefix("module.")


def applied(messages: Sequence[Message]) -> tuple[str, ...]:
    """Addresses whose changes were carried out."""
    done = (message for message in messages if message.get("type") == "apply_complete")
    return tuple(address(m.get("hook") or {}) for m in done if (m.get("hook") or {}).get("action") != "read")


def outputs(messages: Sequence[Message]) -> dict[str, Any] | None:
    """Values of the root's outputs if the stream carries them."""
    for message in reversed(messages):
        if message.get("type") == "outputs":
            found = message.get("outputs") or {}
            if all("value" in output for output in found.values()):
                return {name: output["value"] for name, output in found.items()}
    return None


def failure(
    command: str, root: str, messages: Sequence[Message], stderr: str, code: int, *, unlock: str | None = None
) -> TerraformError:
    """Return the error for a command that failed, with Terraform's own words and what to do next.

    `unlock`: the command that tells whether a lock was left behind, and frees it.
    """
    errors = [m["diagnostic"] for m in messages if m.get("type") == "diagnostic" and m.get("@level") == "error"]
    if not errors:
        said = stderr.strip() or "\n".join(_plain(messages)[-5:]) or "it said nothing"
        reason = f"ended with {code}" if code >= 0 else f"was ended by signal {-code}"
        left = f"{unlock} tells whether it left the lock of its state, and frees it" if unlock and code < 0 else None
        return TerraformError(f"terraform {command} {reason}: {said}", where=root, hint=_hint(said) or left)
    text = "\n".join(dict.fromkeys(_diagnostic(error) for error in errors))
    if "state lock" in text:
        return StateLockedError(_locked(text), where=root, hint=_locked_hint(text, unlock))
    if any(marker in text for marker in _STALE):
        return StalePlanError(f"terraform {command}: {text}", where=root, hint=STALE_HINT)
    hint = _hint(text)
    done = applied(messages)
    if command == "apply":
        count = f"{len(done)} change{' was' if len(done) == 1 else 's were'} carried out"
        told = f"{count} before it ({', '.join(done)})" if done else "nothing was changed"
        if _SAVED_ELSEWHERE.search(text):
            text += f"\n{told}, but the state could not be saved"
            hint = (
                f"{hint or 'remove the cause'}; then run the same command again, in this directory: it saves it first"
            )
        else:
            text += f"\n{told}; the state is saved"
            hint = f"{hint or 'remove the cause'}; then run the same command again: it goes on from there"
    return TerraformError(f"terraform {command} failed: {text}", where=root, hint=hint)


_STALE = ("Saved plan is stale", "plan files cannot be transferred", "plan file was created by a different")
STALE_HINT = "plan again: the same command makes a new plan"


def _locked_hint(text: str, unlock: str | None) -> str:
    lock = dict(_LOCK_FIELD.findall(text)).get("ID", "LOCK")
    frees = f"`{unlock}`" if unlock else f"`terraform force-unlock {lock}` in that directory"
    return f"wait for it to end; if its process is dead, {frees} frees it"


_HINTS = (
    (
        ("no valid credential sources", "NoCredentialProviders", "No valid credential", "InvalidClientTokenId"),
        "give this process AWS credentials (AWS_PROFILE, or the role the job is to assume)",
    ),
    (
        ("ResourceAlreadyExists", "EntityAlreadyExists", "ResourceConflictException", "BucketAlreadyExists"),
        "something of that name exists outside this state: delete it, or choose another name",
    ),
    (
        ("BucketNotEmpty",),
        "what lies in a bucket is not destroyed with its service: empty it, old versions and unfinished uploads too",
    ),
    (("ExpiredToken",), "the credentials have expired: sign in again"),
    (
        ("AWS account ID not allowed", "AWS Account ID not allowed"),
        "these credentials belong to another account than the environment declares",
    ),
    (("AccessDenied", "UnauthorizedOperation", "StatusCode: 403"), "the role that deploys lacks this permission"),
    (
        (
            "Failed to query available provider packages",
            "Failed to resolve provider packages",
            "Failed to install provider",
            "Could not retrieve the list",
        ),
        "the provider's registry cannot be reached; CRABWALK_PROVIDER_MIRROR=DIR names a filesystem mirror to use",
    ),
    (
        ("NoSuchBucket", "referenced S3 bucket must have been previously created"),
        "crabwalk bootstrap ENVIRONMENT creates the bucket",
    ),
    (("connection refused", "no such host"), "AWS cannot be reached; for `local`, see `crabwalk local status`"),
    (("state data in S3 does not have the expected content",), "wait a minute and run the same command again"),
    (
        ("Unreadable module directory", "Failed to download module", "Could not download module", "Module not found"),
        "a module's source cannot be read: look at `source` in the service's infra/*.tf, and whether it is still there",
    ),
    (
        ("timeout while waiting for", "context deadline exceeded"),
        "AWS did not finish it in time: look at the resource itself, it may still be at work",
    ),
    (("Unsupported Terraform Core version",), "install a newer Terraform"),
)


def _hint(text: str) -> str | None:
    return next((hint for markers, hint in _HINTS if any(marker in text for marker in markers)), None)


def _diagnostic(error: Mapping[str, Any]) -> str:
    """Summary, address and detail of a diagnostic; never its snippet, which can hold values."""
    head = str(error.get("summary", "")).strip()
    if error.get("address"):
        head = f"{short_address(str(error['address']))}: {head}"
    detail = str(error.get("detail", "")).strip()
    return f"{head}\n{detail}" if detail else head


def _locked(text: str) -> str:
    held = dict(_LOCK_FIELD.findall(text))
    if "Who" not in held:
        return text
    operation = held.get("Operation", "an operation").removeprefix("OperationType")
    since = held.get("Created", "").split(".")[0]
    return f"the state is locked: {held['Who']} runs {operation} since {since} (lock {held.get('ID', '?')})"


def _plain(messages: Sequence[Message]) -> list[str]:
    return [str(message["@message"]) for message in messages if message.get("@message")]
