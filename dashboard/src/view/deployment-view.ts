import type { Monitor } from '../model/monitor.ts'
import type { Breaker, Latency, StatusAnswer } from '../model/status.ts'
import { type DataColumn, type DataRow, DataTable } from './data-table.ts'
import { DeadLettersPanel } from './dead-letters-panel.ts'
import { element, setText } from './element.ts'
import { FindingsPanel } from './findings-panel.ts'
import { formatAge, formatBytes, formatCount, formatLatency } from './format.ts'
import type { View } from './view.ts'
import { WithheldNotice } from './withheld-notice.ts'

/** From it on a partition is behind: as the doctor says it. */
const LAG_ALERT_MS = 10_000

interface Section {
  readonly title: string
  readonly columns: readonly DataColumn[]
  readonly rows: (status: StatusAnswer) => readonly DataRow[]
  /** Instead of a table without rows. */
  readonly none: string
}

const number = (title: string): DataColumn => ({ title, isNumber: true })

const SECTIONS: readonly Section[] = [
  {
    title: 'Gateways',
    columns: [
      { title: 'Gateway' },
      { title: 'Address' },
      { title: 'Ready' },
      number('Clients'),
      number('Subscriptions'),
      number('Queued'),
      number('Slow'),
      number('Stored p50 / p99'),
      number('Delivered p50 / p99'),
      { title: 'Breakers' },
    ],
    rows: ({ gateways }) =>
      gateways.map((one) => ({
        isBad: !one.ready || isHeldBack(one.breakers),
        cells: [
          one.gateway,
          one.url.replace(/^https?:\/\//, ''),
          one.draining ? 'draining' : one.ready ? 'yes' : (one.red[0] ?? 'no'),
          formatCount(one.sessions),
          formatCount(one.subscriptions),
          formatBytes(one.queueBytes),
          formatCount(one.congestedSessions),
          latencyText(one.latency?.publishToStore),
          latencyText(one.latency?.storeToSocket),
          breakersText(one.breakers),
        ],
      })),
    none: 'No gateway says how it is.',
  },
  {
    title: 'Workers',
    columns: [
      { title: 'Worker' },
      { title: 'Partitions' },
      number('Events'),
      number('Late'),
      number('Dead letters'),
      number('Slowest commit'),
      { title: 'Breakers' },
    ],
    rows: ({ workers }) =>
      workers.map((one) => ({
        isBad: isHeldBack(one.breakers),
        cells: [
          one.worker,
          rangesText(one.partitions),
          formatCount(one.folded.events),
          formatCount(one.folded.late),
          formatCount(one.folded.deadLetters),
          formatLatency(one.slowestCommitMs),
          breakersText(one.breakers),
        ],
      })),
    none: 'No worker says how it is.',
  },
  {
    title: 'Partitions',
    columns: [
      { title: 'Partition' },
      { title: 'Owner' },
      number('Behind for'),
      number('Entries behind'),
      number('Open windows'),
      number('State'),
    ],
    rows: ({ partitions }) =>
      partitions.map((one) => ({
        isBad: !one.isOwned || (one.lagMs ?? 0) > LAG_ALERT_MS,
        cells: [
          `${one.partition}`,
          one.isOwned ? (one.owner ?? 'taken just now') : 'nobody',
          one.lagMs === null ? '–' : formatAge(one.lagMs),
          one.lagEntries === null ? '–' : formatCount(one.lagEntries),
          formatCount(one.openStates),
          formatBytes(one.stateBytes),
        ],
      })),
    none: 'There are no partitions.',
  },
  {
    title: 'Slow clients',
    columns: [
      { title: 'Client' },
      { title: 'Gateway' },
      { title: 'Topics' },
      number('Events'),
      number('Queued'),
      number('Slow for'),
      { title: 'Waits for' },
    ],
    rows: ({ gateways }) =>
      gateways
        .flatMap(({ gateway, slow }) => slow.map((one) => ({ gateway, ...one })))
        .sort((a, b) => b.queuedBytes - a.queuedBytes)
        .map((one) => ({
          cells: [
            one.session,
            one.gateway,
            one.topics.join(', '),
            formatCount(one.queuedEvents),
            formatBytes(one.queuedBytes),
            formatAge(one.congestedMs),
            one.reason ?? '–',
          ],
        })),
    none: 'None: every client takes what it is sent.',
  },
]

/** Processes, partitions, slow clients and dead letters, for operators. */
export class DeploymentView implements View {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #withheld: WithheldNotice
  readonly #findings: FindingsPanel
  readonly #panels: readonly { readonly root: HTMLElement; draw(status: StatusAnswer): void }[]
  readonly #deadLetters: DeadLettersPanel
  readonly #redis = element('p', { class: 'caption live' })
  readonly #body: HTMLElement

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.#withheld = new WithheldNotice(monitor)
    this.#findings = new FindingsPanel(monitor)
    this.#panels = SECTIONS.map((section) => new SectionPanel(section))
    this.#deadLetters = new DeadLettersPanel(monitor)
    const panels = [...this.#panels, this.#deadLetters].map(({ root }) => root)
    this.#body = element('div', { class: 'stack', hidden: '' }, this.#redis, ...panels)
    this.root = element(
      'div',
      { class: 'view', id: 'deployment' },
      this.#withheld.root,
      this.#findings.root,
      this.#body,
    )
  }

  show(): void {}

  hide(): void {}

  draw(): void {
    const { operations } = this.#monitor
    this.#withheld.draw()
    this.#findings.draw()
    this.#body.hidden = operations.kind !== 'shown'
    if (operations.kind !== 'shown') return
    for (const panel of this.#panels) panel.draw(operations.status)
    this.#deadLetters.draw()
    setText(this.#redis, redisText(operations.status.redis))
  }
}

class SectionPanel {
  readonly root: HTMLElement
  readonly #section: Section
  readonly #table: DataTable
  readonly #none: HTMLElement

  constructor(section: Section) {
    this.#section = section
    this.#table = new DataTable(section.title, section.columns)
    this.#none = element('p', { class: 'empty' }, section.none)
    this.root = element(
      'section',
      { class: 'panel live', 'data-section': section.title },
      element('h2', {}, section.title),
      this.#none,
      this.#table.root,
    )
  }

  draw(status: StatusAnswer): void {
    const rows = this.#section.rows(status)
    this.#none.hidden = rows.length > 0
    this.#table.root.hidden = rows.length === 0
    this.#table.draw(rows)
  }
}

function redisText(redis: StatusAnswer['redis']): string {
  if (redis === null) return 'Redis may not be asked for its memory.'
  const { usedBytes, maxBytes } = redis
  const limit = maxBytes === 0 ? ', without a limit' : ` of ${formatBytes(maxBytes)}`
  return `Redis uses ${formatBytes(usedBytes)}${limit}.`
}

function latencyText(latency: Latency | null | undefined): string {
  return latency == null ? '–' : `${formatLatency(latency.p50Ms)} / ${formatLatency(latency.p99Ms)}`
}

function isHeldBack(breakers: readonly Breaker[]): boolean {
  return breakers.some(({ state }) => state !== 'closed')
}

function breakersText(breakers: readonly Breaker[]): string {
  const open = breakers.filter(({ state }) => state !== 'closed')
  return open.length === 0 ? 'closed' : open.map((one) => `${one.class} ${one.state.replace('_', ' ')}`).join(', ')
}

/** `0–3, 5`. */
function rangesText(numbers: readonly number[]): string {
  const ranges: [from: number, to: number][] = []
  for (const one of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && one === last[1] + 1) last[1] = one
    else ranges.push([one, one])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}
