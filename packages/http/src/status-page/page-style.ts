/** Look of the status page: light and dark by what the reader's system says, one column where the window is narrow. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #f7f7f4; --sheet: #ffffff; --line: #e3e3dc; --ink: #1e2320; --soft: #5d665f;
  --accent: #1f6f54; --accent-ground: #e2f1ea; --warn: #8a5300; --warn-ground: #fbeed6; --bad: #a32a22; --bad-ground: #fbe4e1;
  --fresh: #f0f6d8; --sans: system-ui, -apple-system, 'Segoe UI', sans-serif;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121513; --sheet: #1a1e1b; --line: #2d332f; --ink: #e7ebe8; --soft: #9ca69f;
    --accent: #7fd1b0; --accent-ground: #16352a; --warn: #f0bd6b; --warn-ground: #3a2b12; --bad: #f59a90; --bad-ground: #42201d;
    --fresh: #2b3018;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.45 var(--sans); }
header { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; padding: 14px 24px; background: var(--sheet); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 17px; letter-spacing: -.01em; display: flex; align-items: center; gap: 9px; }
h2 { margin: 0; font-size: 13px; font-weight: 650; }
.mark { width: 10px; height: 10px; border-radius: 50%; background: var(--accent); }
.pill { margin: 0; padding: 2px 10px; border-radius: 99px; font-size: 12px; font-weight: 600; background: var(--warn-ground); color: var(--warn); }
.pill.good { background: var(--accent-ground); color: var(--accent); }
.pill.bad { background: var(--bad-ground); color: var(--bad); }
#facts { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0 0 0 auto; color: var(--soft); font-size: 12.5px; }
#facts div { display: flex; gap: 6px; }
#facts dd { margin: 0; color: var(--ink); font-variant-numeric: tabular-nums; }
.reasons { margin: 16px 24px 0; padding: 10px 14px 10px 30px; border-radius: 8px; background: var(--bad-ground); color: var(--bad); }
main { display: grid; gap: 20px; padding: 20px 24px 40px; max-width: 1500px; margin: 0 auto; }
#panels { display: grid; gap: 20px; }
section { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; min-width: 0; overflow: hidden; }
section > h2, .bar { padding: 11px 16px; border-bottom: 1px solid var(--line); }
.bar { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; }
.bar h2 { margin-right: auto; }
input, button { font: inherit; font-size: 13px; color: inherit; }
input[type=search] { width: 260px; max-width: 100%; padding: 4px 9px; border: 1px solid var(--line); border-radius: 6px; background: var(--ground); }
button { padding: 4px 11px; border: 1px solid var(--line); border-radius: 6px; background: var(--ground); cursor: pointer; }
button:hover { border-color: var(--soft); }
button[aria-pressed=true] { background: var(--warn-ground); color: var(--warn); border-color: transparent; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 500; font-size: 12px; color: var(--soft); padding: 7px 16px; white-space: nowrap; }
td { padding: 6px 16px; border-top: 1px solid var(--line); vertical-align: baseline; }
tbody tr:hover { background: color-mix(in srgb, var(--ground) 60%, transparent); }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number.zero { color: var(--soft); }
td.number.loud { color: var(--bad); font-weight: 650; }
.mono, td.key, td.data, td.time { font-family: var(--mono); font-size: 12.5px; }
td.time { color: var(--soft); white-space: nowrap; }
td.type { font-weight: 600; white-space: nowrap; }
td .from { color: var(--soft); font-weight: 400; font-size: 12px; }
td.key { max-width: 170px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
td.data { color: var(--soft); max-width: 0; width: 45%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
td.text { overflow-wrap: anywhere; }
tr.fresh td { animation: fresh 2.5s ease-out; }
@keyframes fresh { from { background: var(--fresh); } }
@media (prefers-reduced-motion: reduce) { tr.fresh td { animation: none; } }
.link { padding: 0; border: 0; background: none; color: var(--accent); font-family: var(--mono); font-size: 12.5px; max-width: 150px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; text-decoration: underline; text-decoration-color: transparent; text-underline-offset: 2px; }
.link:hover { text-decoration-color: currentColor; }
.tag { display: inline-block; padding: 0 7px; border-radius: 99px; font-size: 12px; background: var(--accent-ground); color: var(--accent); white-space: nowrap; }
.tag.warn { background: var(--warn-ground); color: var(--warn); }
.tag.bad { background: var(--bad-ground); color: var(--bad); }
.empty { padding: 28px 16px 32px; margin: 0 auto; color: var(--soft); text-align: center; max-width: 900px; }
.empty p { margin: 0 0 10px; }
.empty pre { margin: 0 auto 10px; padding: 10px 14px; text-align: left; background: var(--ground); border: 1px solid var(--line); border-radius: 8px; color: var(--ink); white-space: pre-wrap; overflow-wrap: anywhere; font: 12.5px/1.5 var(--mono); }
dialog { width: min(1100px, calc(100vw - 32px)); max-height: calc(100vh - 48px); padding: 0; border: 1px solid var(--line); border-radius: 12px; background: var(--sheet); color: var(--ink); box-shadow: 0 18px 60px rgb(0 0 0 / .28); }
dialog::backdrop { background: rgb(10 14 12 / .45); }
#chain-id { margin: 12px 16px 6px; color: var(--soft); overflow-wrap: anywhere; }
.steps { list-style: none; margin: 0; padding: 4px 16px 18px; }
.steps li { padding: 8px 0 8px 14px; border-left: 2px solid var(--line); margin-left: calc(var(--depth, 0) * 22px); }
.steps li:hover { border-left-color: var(--accent); }
.step { display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; }
.step b { font-weight: 600; }
.step .from { color: var(--soft); overflow-wrap: anywhere; }
.step .at { margin-left: auto; font-variant-numeric: tabular-nums; color: var(--soft); }
.track { height: 3px; margin: 5px 0; border-radius: 2px; background: var(--line); position: relative; }
.track i { position: absolute; width: 9px; height: 9px; top: -3px; margin-left: -4px; border-radius: 50%; background: var(--accent); }
.steps .data { color: var(--soft); overflow-wrap: anywhere; font: 12.5px/1.5 var(--mono); }
@media (max-width: 760px) {
  header { padding: 12px 14px; } main { padding: 14px 12px 32px; gap: 14px; } .reasons { margin: 12px 12px 0; }
  #facts { margin: 0; width: 100%; }
  .bar input { order: 3; width: 100%; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table, tbody { display: block; }
  tr { display: flex; flex-wrap: wrap; gap: 1px 14px; padding: 9px 14px; border-top: 1px solid var(--line); align-items: baseline; }
  tbody tr:first-child { border-top: 0; }
  td, td.data, td.key { display: block; padding: 0; border: 0; max-width: 100%; width: auto; }
  td.type, td.name { flex: 1 0 60%; white-space: normal; overflow-wrap: anywhere; }
  td.data { flex: 1 0 100%; white-space: normal; overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; }
  td.number { text-align: left; }
  td.name, td.hears { flex: 1 0 100%; }
  td.state { margin-left: auto; }
  td[data-label]::before { content: attr(data-label) ' '; color: var(--soft); font: 400 12px var(--sans); }
  tr.event { flex-direction: row; } tr.event td.time { order: -1; } tr.event td.type { order: -2; }
}
`
