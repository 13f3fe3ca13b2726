import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import {
  METRICS,
  type MetricDefinition,
  PROCESS_METRICS,
  type Role,
} from '../../server/src/observability/metric-names.ts'
import { REPOSITORY } from '../source-files.ts'

export const ALERTS = 'deploy/prometheus/alerts.yml'
/** Where people who are alerted find the pages of this repository. */
export const RUNBOOK_BASE = 'https://github.com/tidegate/tidegate/blob/main/'
export const DASHBOARD = 'deploy/grafana/tidegate.json'

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook_url', string>>
}

const ROLES: readonly (readonly [role: Role, heading: string, text: string])[] = [
  ['gateway', 'Gateways', 'Each gateway exports what concerns its own clients: sums over gateways are totals.'],
  [
    'worker',
    'Workers',
    'Each worker exports the partitions that it owns at that moment, so that each is there once, and each Redis whose first partition it owns.',
  ],
  ['supervisor', '`tidegate start`', 'The process that runs the others on one machine.'],
]

export function alertRules(): readonly AlertRule[] {
  const { groups } = parse(readFileSync(join(REPOSITORY, ALERTS), 'utf8')) as { groups: { rules: AlertRule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

/** The body of `docs/metrics.md`. @param table of Markdown */
export function metricsText(table: (head: readonly string[], rows: readonly (readonly string[])[]) => string): string {
  const sections = ROLES.map(([role, heading, text]) => {
    const own = Object.values(METRICS).filter(({ of }) => (of as readonly Role[])[0] === role)
    const shared = Object.values(METRICS).filter(({ of }) => (of as readonly Role[]).indexOf(role) > 0)
    const also = shared.length === 0 ? '' : ` Besides: ${shared.map(({ name }) => `\`${name}\``).join(', ')}.`
    return `### ${heading}\n\n${text}${also}\n\n${table(['metric', 'type', 'labels', 'meaning'], own.map(rowOf))}`
  })
  const ofProcess = Object.entries(PROCESS_METRICS).map(([name, meaning]) => [`\`${name}\``, meaning])
  const alerts = alertRules().map(({ alert, labels, annotations, for: wait }) => [
    alert,
    labels.severity ?? '',
    wait ?? 'at once',
    annotations.summary.replaceAll(/\{\{ with .*?\{\{ end \}\}/g, ' …').replaceAll(/\{\{.*?\}\}/g, '…'),
    runbookLink(annotations.runbook_url),
  ])
  return `## Metrics

${sections.join('\n\n')}

### Every process

Metrics of Node and of the process, as [prom-client](https://github.com/siimon/prom-client) has them; these are the most useful:

${table(['metric', 'meaning'], ofProcess)}

## Alerts

\`${ALERTS}\` has rules for Prometheus. Each says in its description what to do, and names a page
with more of it, most of them of the runbook (\`runbook_url\`).

${table(['alert', 'severity', 'after', 'says', 'page'], alerts)}

## Dashboard

\`${DASHBOARD}\` is a dashboard for Grafana 10 and newer: import it and choose the Prometheus that scrapes Tidegate.`
}

function runbookLink(url: string): string {
  const page = url.replace(`${RUNBOOK_BASE}docs/`, '')
  return `[${basename(page, '.md').replaceAll('-', ' ')}](${page})`
}

function rowOf({ name, type, labels, help }: MetricDefinition): string[] {
  const named = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`)
  return [`\`${name}\``, type, named.join('<br>'), help]
}
