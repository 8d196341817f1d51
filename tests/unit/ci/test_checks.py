"""How many cases the property tests of the services have: enough in all, whatever each service has of them."""

from __future__ import annotations

import re
from pathlib import Path

import checks
import pytest

ROOT = Path(__file__).parents[3]
TESTS = """
proptest! {
    #[test]
    fn no_event_is_a_panic(event in ".*") {}

    #[test]
    fn no_body_is_a_panic(
        body: Vec<u8>,
    ) {}
}

#[test]
fn an_example() {}
"""


def test_the_cases_are_shared_out(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "services" / name / "src" / "deep").mkdir(parents=True)
    (tmp_path / "services" / "one" / "src" / "main.rs").write_text(TESTS)
    (tmp_path / "services" / "two" / "src" / "deep" / "work.rs").write_text(TESTS)
    assert checks.cases(tmp_path, 20_000) == 5_000
    assert checks.cases(tmp_path, 20_001) == 5_001
    assert checks.cases(tmp_path / "services" / "one", 20_000) == 20_000


@pytest.mark.parametrize(("asked", "wanted"), [("", 20_000), ("1", 1_000_000)])
def test_all_handlers_together_have_as_many_as_promised(
    asked: str, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRABWALK_EXHAUSTIVE", asked)
    each = int(checks.environment("/usr/bin", Path("target"))["PROPTEST_CASES"])
    tests = sum(len(checks.PROPERTY.findall(source.read_text())) for source in ROOT.glob("services/*/src/**/*.rs"))
    assert each * tests >= wanted > (each - 1) * tests > 0


def test_every_service_has_property_tests_and_none_its_own_number() -> None:
    """What is thrown away by `prop_assume` is no case, and a thousand such end a test that has many."""
    for folder in sorted((ROOT / "services").glob("*/src")):
        sources = "".join(source.read_text() for source in folder.rglob("*.rs"))
        assert checks.PROPERTY.search(sources), folder
        assert not re.search(r"with_cases|ProptestConfig|prop_assume", sources), folder
