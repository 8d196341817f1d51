"""How the pages look: one style sheet, light and dark, on paper, from a telephone's width on. Colours pass WCAG AA."""

from __future__ import annotations

LIGHT = {
    "page": "#ffffff",
    "panel": "#f6f8fa",
    "line": "#848d97",
    "text": "#1f2328",
    "soft": "#59636e",
    "new": "#0550ae",
    "old": "#8a4600",
    "good": "#116329",
    "bad": "#b3261e",
    "wait": "#7d4e00",
}
DARK = {
    "page": "#0d1117",
    "panel": "#161b22",
    "line": "#767e88",
    "text": "#e6edf3",
    "soft": "#9ea7b0",
    "new": "#79b8ff",
    "old": "#f0a35e",
    "good": "#56d364",
    "bad": "#ff8f86",
    "wait": "#e3b341",
}


_SHEET = """
:root{color-scheme:light dark;@LIGHT}
@media (prefers-color-scheme:dark){:root{@DARK}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header,main,footer{max-width:76rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:1.2rem 0 .4rem}
p{margin:.4rem 0;max-width:60rem;overflow-wrap:anywhere}
a{color:var(--new)}
a:focus-visible,summary:focus-visible,input:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--new);
outline-offset:2px}
code,input.command{font:.9em ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
input.command{width:100%;min-width:14rem;padding:.35rem .5rem;color:var(--text);background:var(--page);
border:1px solid var(--line);border-radius:4px;text-overflow:ellipsis;margin:.15rem 0}
.skip{position:absolute;left:-100vw}
.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.3rem .6rem;z-index:1}
.read{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;margin:.6rem 0 0;padding:0}
.soft{color:var(--soft)}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.badge{display:inline-block;border:2px solid currentColor;border-radius:999px;padding:0 .6rem;font-weight:600;
font-size:.95rem;white-space:nowrap}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.6rem 1.2rem;margin:1rem 0;padding:0}
.facts div{min-width:0;border-left:3px solid var(--line);padding-left:.7rem}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0;overflow-wrap:anywhere}
.note{background:var(--panel);border-left:4px solid var(--wait);padding:.5rem .8rem;margin:.6rem 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,33rem),1fr));gap:1.2rem}
figure{margin:0;min-width:0;background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.7rem}
figcaption{font-weight:600}
figure p{font-size:.85rem;margin:.1rem 0 .4rem}
.scroll{overflow-x:auto;max-width:100%}
svg{display:block;width:100%;min-width:26rem;max-width:46rem;height:auto}
svg text{fill:var(--text);font:13px system-ui,"DejaVu Sans",sans-serif}
svg .axis{stroke:var(--line);stroke-width:1}
svg .grid{stroke:var(--line);stroke-width:.5;opacity:.5}
svg .new{stroke:var(--new);fill:none;stroke-width:2.5}
svg .old{stroke:var(--old);fill:none;stroke-width:2;stroke-dasharray:7 4}
svg .new2{stroke:var(--new);fill:none;stroke-width:1.5;stroke-dasharray:2 3}
svg .old2{stroke:var(--old);fill:none;stroke-width:1.5;stroke-dasharray:2 5}
svg .limit{stroke:var(--bad);fill:none;stroke-width:2;stroke-dasharray:10 3 2 3}
svg .step{stroke:var(--line);stroke-width:1;stroke-dasharray:3 3}
svg .area{fill:var(--new);opacity:.15}
svg .band{fill:var(--old);opacity:.25}
table{border-collapse:collapse;width:100%;font-size:.9rem}
table.wide{min-width:62rem}
caption{text-align:left;color:var(--soft);font-size:.85rem;padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
th{background:var(--panel);white-space:nowrap}
td{overflow-wrap:break-word;min-width:5rem}
details{margin-top:.5rem}
summary{cursor:pointer;padding:.15rem 0}
footer{color:var(--soft);font-size:.85rem;border-top:1px solid var(--line);margin-top:2rem}
@media print{
:root{color-scheme:light;@LIGHT}
body{font-size:10.5pt}
nav,.skip,input.command{display:none}
header,main,footer{max-width:none;padding:.2rem 0}
.charts{grid-template-columns:1fr 1fr}
svg,table.wide{min-width:0}
.scroll{overflow:visible}
figure,tr,.note{break-inside:avoid}
h2,h3{break-after:avoid}
}
"""


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


STYLE = _SHEET.replace("@LIGHT", _variables(LIGHT)).replace("@DARK", _variables(DARK))
