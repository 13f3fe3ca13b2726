import { type Breaker, isBehind, type Latency, openBreakers, type StatusAnswer } from '../model/status.ts'
import type { DataColumn, DataRow } from './data-table.ts'
import { formatAge, formatBytes, formatCount, formatLatency } from './format.ts'

/** One table of the deployment. */
export interface Section {
  readonly title: string
  readonly columns: readonly DataColumn[]
  readonly rows: (status: StatusAnswer) => readonly DataRow[]
  /** Shown in place of a table without rows. */
  readonly none: string
}

const number = (title: string): DataColumn => ({ title, isNumber: true })

export const SECTIONS: readonly Section[] = [
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
        isBad: !one.ready || openBreakers(one.breakers).length > 0,
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
    none: 'No gateway reports its state.',
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
        isBad: openBreakers(one.breakers).length > 0,
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
    none: 'No worker reports its state.',
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
        isBad: !one.isOwned || isBehind(one.lagMs),
        cells: [
          `${one.partition}`,
          one.isOwned ? (one.owner ?? 'just taken over') : 'nobody',
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
    none: 'None: every client keeps up.',
  },
]

function latencyText(latency: Latency | null | undefined): string {
  return latency == null ? '–' : `${formatLatency(latency.p50Ms)} / ${formatLatency(latency.p99Ms)}`
}

function breakersText(breakers: readonly Breaker[]): string {
  const open = openBreakers(breakers)
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
