"""The style of the report: Penstock's colours, by the reader's own choice of light or dark."""

STYLE = """
:root {
  --ground: #ffffff; --ink: #17171c; --quiet: #5c5c66; --rule: #e6e6ea;
  --s0: #4a2be0; --s1: #c2410c; --s2: #0f766e; --s3: #b3124a; --s4: #355fb0; --s5: #6b6b12;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e0e11; --ink: #ededf0; --quiet: #a0a0ab; --rule: #2a2a31;
    --s0: #9d8cff; --s1: #fb923c; --s2: #2dd4bf; --s3: #fb7199; --s4: #7fb0ff; --s5: #d6d24a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { margin: 0; font-size: 28px; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 8px; font-size: 17px; line-height: 1.3; }
header p { margin: 4px 0 0; color: var(--quiet); overflow-wrap: anywhere; }
section { min-width: 0; margin-top: 40px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 0 48px; }
.tiles { display: flex; flex-wrap: wrap; gap: 16px 48px; margin: 28px 0 0; padding: 0; list-style: none; }
.tiles li { color: var(--quiet); }
.tiles b {
  display: block; color: var(--ink); font-size: 26px; font-weight: 600; line-height: 1.2;
  font-variant-numeric: tabular-nums;
}
.legend {
  display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0 0 8px; padding: 0; list-style: none;
  color: var(--quiet); font-size: 13px;
}
.legend svg { margin-right: 6px; vertical-align: middle; }
.plot { display: block; width: 100%; height: auto; }
.plot text { fill: var(--quiet); font: 11px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--rule); stroke-width: 1; }
.bound { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 1 3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); }
.s3 { stroke: var(--s3); } .s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); }
.dot { fill: var(--ground); stroke-width: 2; }
.scroll { margin-top: 8px; overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 0 5px 14px; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th { font-weight: 400; color: var(--quiet); }
th:first-child { padding-left: 0; text-align: left; }
tbody th { color: var(--ink); }
ul { padding-left: 20px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; margin: 0; }
dt { color: var(--quiet); }
dd { min-width: 0; margin: 0; overflow-wrap: anywhere; }
code { font: 13px ui-monospace, monospace; }
@media (max-width: 600px) {
  .plot text { font-size: 13.5px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 10px; }
}
"""
