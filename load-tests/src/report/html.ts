import { machinesOf, notRun } from './page.ts'
import { overviewPlot, type Plot, plotsOf } from './plots/of-result.ts'
import { escapeText } from './plots/svg.ts'
import { type Result, textOfResult } from './result.ts'
import { type Table, tablesOf } from './tables.ts'

/** A page that needs nothing else: plots are in it, and it loads nothing. */
export function htmlPage(results: readonly Result[]): string {
  const missing = notRun(results)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tidegate benchmarks</title>
<style>${STYLE}</style>
<main>
<h1>Tidegate benchmarks</h1>
${machinesOf(results).map(paragraph).join('\n')}
${missing.length === 0 ? '' : paragraph(`Not run: ${missing.join(', ')}.`)}
<section class="plots">${overviewPlot(results).map(figure).join('\n')}</section>
<nav>${results.map(({ benchmark }) => `<a href="#${benchmark}">${benchmark}</a>`).join(' ')}</nav>
${results.map(section).join('\n')}
</main>
</html>
`
}

function section(result: Result): string {
  const { benchmark, description, control, notMeasured, date, seconds, figures } = result
  return `<section id="${benchmark}">
<h2>${benchmark}</h2>
${paragraph(`${description}.`)}
<ul><li>Control: ${escapeText(control)}.</li><li>Not measured: ${escapeText(notMeasured)}.</li><li>Run: ${date}, ${seconds} s.</li></ul>
<div class="plots">${plotsOf(result).map(figure).join('\n')}</div>
<details><summary>Figures</summary>${tablesOf(figures).map(table).join('\n')}</details>
<details><summary>Raw JSON</summary><pre>${escapeText(textOfResult(result))}</pre></details>
</section>`
}

function table({ title, head, rows }: Table): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('')}</tr>`
  const caption = title === '' ? '' : `<caption>${escapeText(title)}</caption>`
  return `<div class="table"><table>${caption}${cells('th', head)}${rows.map((row) => cells('td', row)).join('')}</table></div>`
}

const figure = ({ caption, svg }: Plot) => `<figure><figcaption>${escapeText(caption)}</figcaption>${svg}</figure>`
const paragraph = (text: string) => `<p>${escapeText(text)}</p>`

const STYLE = `
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1a1a19; --quiet: #63625f; --rule: #dcdbd6;
  --own: #2a78d6; --other: #a3a29c; --s0: #2a78d6; --s1: #c2570c; --s2: #12805c; }
@media (prefers-color-scheme: dark) { :root { --paper: #1a1a19; --ink: #f1f0ec; --quiet: #a8a7a0; --rule: #3d3d3a;
  --own: #4a95ec; --other: #75746e; --s0: #4a95ec; --s1: #e8833a; --s2: #35ad82; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; } h2 { font-size: 19px; margin-top: 40px; border-top: 1px solid var(--rule); padding-top: 20px; }
ul { color: var(--quiet); padding-left: 20px; } a { color: var(--own); } nav a { margin-right: 10px; }
.plots { display: flex; flex-wrap: wrap; gap: 20px 32px; } figure { margin: 8px 0; } figcaption { color: var(--quiet); margin-bottom: 4px; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .quiet { fill: var(--quiet); }
.own { fill: var(--own); } .other { fill: var(--other); }
.axis { stroke: var(--quiet); } .grid { stroke: var(--rule); } .mark { stroke: var(--ink); stroke-dasharray: 3 3; }
.line { fill: none; stroke-width: 2; } .dot { stroke: var(--paper); stroke-width: 2; }
.line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); } .line.s2 { stroke: var(--s2); }
.dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
svg .e0 { fill: var(--s0); } svg .e1 { fill: var(--s1); } svg .e2 { fill: var(--s2); }
summary { cursor: pointer; color: var(--quiet); } pre { overflow: auto; font-size: 12px; }
.table { overflow-x: auto; } table { border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); } th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--rule); }`
