"""An account of a release as pages take it, made of the engine's own pieces; and what a browser is asked of a page."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

from release_kit import START, walking

from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.ledger.digest import digest_of
from pipeline.release.ledger.dora import figures
from pipeline.release.ledger.records import Entry
from pipeline.release.ledger.story import entry_of
from pipeline.release.model import Rollout
from pipeline.release.terms import Order
from pipeline.release.verbs.account import Account, Latency, curve_of, events
from pipeline.release.verbs.overview import Overview, weekly
from pipeline.release.verbs.status import ServiceStatus
from pipeline.report.page.release import Package

HOSTILE = "</script><img src=x onerror=alert(1)> @ada \u202e \x1b[31m |&amp;"
ORDER = Order(
    "promote",
    "20260102T030405-abc123",
    "n",
    "arn:aws:sts::000000000000:assumed-role/releases/ada",
    "ada",
    f"looks good {HOSTILE}",
    START + 25,
)
PACKAGE = Package(
    record={
        "source": {"repository": "https://github.com/team/shop", "commit": "c0ffee" * 6 + "c0de", "dirty": False},
        "target": {"triple": "aarch64-unknown-linux-musl"},
        "toolchain": ["rustc 1.96.0 (abc 2026-05-01)", "cargo-lambda 1.9.2", HOSTILE],
        "zip": {"bytes": 1_234_567},
        "cargo_lock": {"sha256": "b" * 64},
    },
    provenance={
        "predicate": {
            "buildDefinition": {"buildType": "urn:crabwalk:build:1"},
            "runDetails": {
                "builder": {"id": "https://github.com/team/shop/.github/workflows/deploy.yml@refs/heads/main"}
            },
        }
    },
    files=tuple(f"artifacts/{'a' * 64}/{name}-{'c' * 16}.json" for name in ("record", "sbom", "provenance")),
)


def rows(rollout: Rollout, bad: float, seconds: int = 40, seed: int = 7) -> tuple[Minute, ...]:
    """A walk's periods: `bad` of the new version's requests fail, one in a hundred of the old one's."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    found = []
    for second in range(-20, seconds):
        step = -1 if second < 0 else min(second // 20, rollout.step)
        share = 0.0 if step < 0 else rollout.steps[step].traffic
        new, old = round(120 * share), round(120 * (1 - share))
        sides = ((new, bad), (old, 0.01))
        n_c, n_b = (Counts(n, sum(chance.random() < rate for _ in range(n))) for n, rate in sides)
        found.append(Minute(START + second, step, n_c, n_b))
    return tuple(found)


def rolled_back() -> Rollout:
    """Walked to 50 %, worse, and taken back."""
    return walking(
        1, phase="rolled-back", ended=START + 40, sentence=f"version 2 failed 20 % of its requests {HOSTILE}",
        obeyed=(ORDER,), subject=f"Greet louder {HOSTILE}", committed=START - 600, claimed_actor="ada",
    )  # fmt: skip


def entry(rollout: Rollout, **more: Any) -> Entry:
    evidence = {
        "check": "errors", "outcome": "FAIL", "reason": "worse", "e_value": 4321.0, "limit": 100.0, "phi": 1.0,
        "interval": [0.12, 0.26], "canary": {"n": 1440, "bad": 280}, "baseline": {"n": 3360, "bad": 33},
    }  # fmt: skip
    return replace(entry_of(rollout, evidence), **more)


def account(bad: float = 0.2, **more: Any) -> Account:
    """A release that was rolled back, with everything there is to tell of one."""
    rollout = rolled_back()
    told = entry(rollout)
    curves = (curve_of(rollout, "errors", rows(rollout, bad)), curve_of(rollout, "slow", rows(rollout, 0.01, seed=8)))
    latency = tuple(
        Latency(version, quantile, tuple((START + t, base + 3 * math.sin(t / 3)) for t in range(40)))
        for version, quantile, base in (("1", "p50", 8.0), ("2", "p50", 9.0), ("1", "p99", 40.0), ("2", "p99", 55.0))
    )
    by_hand = Entry(
        kind="rollback", release_id="x", service="hello", environment="local", outcome="rolled-back", stable="1",
        candidate="2", commit=None, subject="", artifact=None, actor="arn:aws:iam::000000000000:user/bob",
        claimed_actor=None, started=START + 60, ended=START + 60, reason=HOSTILE, sentence="",
    )  # fmt: skip
    made = Account(
        entry=told,
        under_way=False,
        now=START + 90_000,
        period_s=1,
        weights=((START, 0.1), (START + 20, 0.5), (START + 40, 0.0)),
        curves=curves,
        latency=latency,
        events=events(told, (by_hand,), under_way=False),
    )
    return replace(made, **more)


LIVE = ServiceStatus("hello", {"1": 1.0}, "live", "20260102T030405-abc123", "c0ffee" * 7, "nothing", "x")
WALKS = replace(
    LIVE, service="todos", state="walking", traffic={"1": 0.9, "2": 0.1}, candidate="2", steps=(0.1, 0.5), step=0,
    doing=f"walks {HOSTILE}", then="the next step", walker="ci", evidence={"sentence": "no worse so far"},
)  # fmt: skip


def overview(**more: object) -> Overview:
    ended = replace(entry(rolled_back()), committed=START - 600)
    digests = (digest_of(ended),)
    made = Overview(
        "shop", "staging", START + 3600, (LIVE, WALKS), (ended,), figures(digests, 0, START + 3600),
        weekly(digests, START + 3600), ("told",),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


# In the browser: what sticks out of the window, texts of a picture that lie on each other, contrast below WCAG's AA.
OVERFLOW = """(() => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide) found.push('page ' + document.documentElement.scrollWidth);
  const inside = e => e.closest('.scroll, .read, .skip');
  for (const e of document.querySelectorAll('body *')) {
    const r = e.getBoundingClientRect();
    if (!inside(e) && r.width && (r.right > wide + 1 || r.left < -1)) found.push(e.tagName + ' ' + e.className);
  }
  return found;
})()"""
OVERLAPS = """(() => {
  const found = [];
  const clash = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
  for (const group of [...document.querySelectorAll('svg')].map(s => [...s.querySelectorAll('text')])
      .concat([...document.querySelectorAll('header, main, section, figure, .charts, .facts, dl div, nav ul')]
        .map(p => [...p.children].filter(c => !c.matches('.read, .skip'))))) {
    const boxes = group.map(e => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width && r.height);
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++)
      if (getComputedStyle(boxes[i][0]).display !== 'inline' && clash(boxes[i][1], boxes[j][1]))
        found.push(boxes[i][0].textContent.slice(0, 40) + ' / ' + boxes[j][0].textContent.slice(0, 40));
  }
  return found;
})()"""
CONTRAST = """(() => {
  const parts = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => { const f = c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); };
  const behind = e => { for (let n = e; n; n = n.parentElement) {
    const c = parts(getComputedStyle(n).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  const found = []; let seen = 0;
  for (const e of document.querySelectorAll('body *')) {
    const s = getComputedStyle(e), back = behind(e.parentElement || e);
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (own && e.namespaceURI.includes('svg') && e.tagName === 'text') {
      seen++; const r = ratio(parts(s.fill), back); if (r < 4.5) found.push('text ' + r.toFixed(2)); }
    else if (own && !e.namespaceURI.includes('svg') || e.matches('input')) {
      seen++; const r = ratio(parts(s.color), behind(e));
      if (r < 4.5) found.push(e.tagName + ' ' + e.className + ' ' + r.toFixed(2)); }
    if (e.matches('path.new, path.old, path.new2, path.old2, path.limit, line.axis')) {
      seen++; const r = ratio(parts(s.stroke), back);
      if (r < 3) found.push(e.getAttribute('class') + ' ' + r.toFixed(2)); }
  }
  return {found, seen};
})()"""
FOCUSED = """(() => { const e = document.activeElement; if (!e || e === document.body) return null;
  const r = e.getBoundingClientRect(), s = getComputedStyle(e);
  const all = [...document.querySelectorAll('a[href], summary, input, [tabindex="0"]')]
    .filter(o => o.matches('summary') || !o.closest('details:not([open])'));
  return {at: all.indexOf(e), of: all.length, name: e.getAttribute('aria-label') || e.textContent.slice(0, 60),
    outline: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, seen: r.width > 0 && r.height > 0}; })()"""
