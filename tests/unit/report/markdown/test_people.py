"""What verbs that steer, the watchdog and `affected` write, and that it fits."""

from __future__ import annotations

from pipeline.report.markdown.affected import markdown
from pipeline.report.markdown.blocks import SUMMARY, in_bytes
from pipeline.report.markdown.people import rolled_back, told
from pipeline.workspace.affected import Affected, Reason


def test_what_went_wrong_stands_first() -> None:
    text = told(
        "promote",
        "staging",
        [
            ("hello", "done", "promoted to 50 %", "x"),
            ("todos", "rolled-back", "it failed | @you", "crabwalk status todos"),
        ],
    )
    assert text.splitlines() == [
        "## promote on <code>staging</code>",
        "",
        "| service |  | what | next |",
        "| --- | --- | --- | --- |",
        "| <code>todos</code> | ❌ rolled back | it failed \\| @&#8203;you | crabwalk status todos |",
        "| <code>hello</code> | ✅ done | promoted to 50 % | x |",
    ]
    assert told("watchdog", "staging", []).endswith("\n\nNothing is under way.\n")


def test_a_rollback_in_a_few_lines() -> None:
    assert rolled_back("hello", "production", ["all back", "frozen: x"], moved=True) == (
        "## ⏪ rollback of <code>hello</code> on <code>production</code>\n\nall back\n\n- frozen: x\n"
    )


def test_affected_services_with_reasons_however_many_there_are() -> None:
    why = tuple(Reason("path", f"f{n}.rs changed", (f"s ← f{n}.rs",)) for n in range(7))
    few = markdown("c0ffee" * 7, [Affected("hello", "a", why), Affected("other", "a", ())], ["gone"])
    assert few.startswith("## 1 service of 2 affected by <code>c0ffeec0ffee</code>\n")
    assert "| <code>hello</code> | s ← f0.rs<br>" in few
    assert "s ← f4.rs<br>… and 2 more |" in few
    assert "### Their manifests are gone\n\n- <code>gone</code>" in few
    assert "<summary>Not affected</summary>\n\n- <code>other</code>" in few
    many = markdown("c0ffee" * 7, [Affected(f"s{n}", "a", why) for n in range(20_000)], [])
    assert SUMMARY * 0.9 < in_bytes(many) <= SUMMARY
    assert "more" in many.splitlines()[-3]
    assert "left out: " in many.splitlines()[-1]
