"""Tests for naming services: who is found, and what whoever is not is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.manifest.models import Service
from pipeline.manifest.naming import check_known, function_named, named, no_such_service, only_beside


def service(name: str, **said: object) -> Service:
    manifest = Service.model_construct(name=name, **{"kind": "function", "extensions": (), **said})
    return manifest.model_copy(update={"directory": Path(), "file": Path()})


HELLO, QUIET = service("hello", extensions=("audit",)), service("quiet")
AUDIT = service("audit", kind="extension")
ALL = (AUDIT, HELLO, QUIET)


def refused(extension: Service) -> UsageError:
    return UsageError(f"not {extension.name}", hint="another")


def test_the_nearest_name_is_suggested() -> None:
    assert no_such_service("helo", ("health", "hello")).hint == "did you mean `hello`?"
    assert no_such_service("x", ("health", "hello")).hint == "declared: health, hello"
    assert no_such_service("x", ()).hint == "declared: none"


def test_the_first_unknown_name_is_told() -> None:
    check_known((), ("hello",))
    check_known(("hello",), ("hello", "quiet"))
    with pytest.raises(UsageError, match="there is no service `b`"):
        check_known(("hello", "b", "a"), ("hello",))


def test_all_are_meant_where_none_is_named() -> None:
    assert named(ALL, ()) == ALL
    assert named(ALL, ("quiet", "audit")) == (AUDIT, QUIET)
    with pytest.raises(UsageError, match="there is no service `b`"):
        named(ALL, ("quiet", "b"))


def test_a_function_is_found_by_its_name() -> None:
    assert function_named(ALL, "hello", refused) is HELLO


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [("hallo", "there is no service `hallo`", "did you mean `hello`?"), ("audit", "not audit", "another")],
)
def test_what_is_no_function_is_refused(name: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        function_named(ALL, name, refused)
    assert (raised.value.what, raised.value.hint) == (what, hint)


def test_an_extension_leads_to_the_functions_that_list_it() -> None:
    fault = only_beside("audit", ALL, "part of", verb="status")
    assert fault.what == "`audit` is an extension, part of the functions that list it"
    assert fault.hint == "crabwalk status hello"
    assert only_beside("other", ALL, "part of", verb="status").hint == "list it in a function: `extensions: [other]`"
