"""The memory written into a manifest: one place changes, comments and layout stay."""

from __future__ import annotations

import pytest

from pipeline.errors import CrabwalkError
from pipeline.manifest.rewrite import with_memory

PLAIN = """# the smallest one
crabwalk: 1
name: hello   # greets
memory: 128 MB  # was enough in March
timeout: 3 s
"""
OVERLAID = """crabwalk: 1
name: hello
memory: 128 MB
overlays:
  # bigger machines
  production: {memory: "1 GB", timeout: 5 s}
  staging:
    timeout: 5 s
"""


def test_the_value_is_changed_where_it_stands() -> None:
    assert with_memory(PLAIN, "a", "staging", 512) == PLAIN.replace("128 MB", "512 MB")
    assert with_memory(PLAIN, "a", "staging", 128) == PLAIN


@pytest.mark.parametrize("value", ['"128 MB"', "'128 MB'", "0.125 GB", '"0.125 GB"'])
def test_quotes_stay(value: str) -> None:
    quote = value[0] if value[0] in "\"'" else ""
    text = PLAIN.replace("128 MB", value)
    assert with_memory(text, "a", "staging", 256) == PLAIN.replace("128 MB", f"{quote}256 MB{quote}")


def test_an_environment_that_says_its_own_memory_keeps_to_it() -> None:
    assert with_memory(OVERLAID, "a", "production", 512) == OVERLAID.replace("1 GB", "512 MB")
    assert with_memory(OVERLAID, "a", "staging", 512) == OVERLAID.replace("128 MB", "512 MB")
    assert with_memory(OVERLAID, "a", "local", 512) == OVERLAID.replace("128 MB", "512 MB")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_manifest_without_one_gets_a_line(ending: str) -> None:
    text = f"crabwalk: 1{ending}name: hello # greets{ending}timeout: 3 s{ending}"
    made = f"crabwalk: 1{ending}name: hello # greets{ending}memory: 256 MB{ending}timeout: 3 s{ending}"
    assert with_memory(text, "a", "staging", 256) == made
    assert with_memory("crabwalk: 1\nname: hello", "a", "staging", 256) == "crabwalk: 1\nname: hello\nmemory: 256 MB\n"


@pytest.mark.parametrize("text", ["{crabwalk: 1, name: hello}\n", "crabwalk: 1\nname: hello\nmemory: >\n  128\n  MB\n"])
def test_what_cannot_be_changed_at_one_place_is_left(text: str) -> None:
    with pytest.raises(CrabwalkError, match="cannot be written here") as caught:
        with_memory(text, "services/hello/service.yaml", "staging", 256)
    assert caught.value.hint == "write `memory: 256 MB` yourself"


def test_a_manifest_in_flow_style_is_changed_too() -> None:
    text = "{crabwalk: 1, name: hello, memory: 128 MB} # all of it\n"
    assert with_memory(text, "a", "staging", 256) == "{crabwalk: 1, name: hello, memory: 256 MB} # all of it\n"


def test_what_is_no_manifest() -> None:
    with pytest.raises(CrabwalkError, match="cannot be read"):
        with_memory("- a\n", "a", "staging", 256)
