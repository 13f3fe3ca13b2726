import type { Benchmark, Figures } from '../support/benchmark.ts'
import { type Standing, standingOf } from './standing.ts'
import { Unavailable } from './subject.ts'
import { SUBJECTS, type SubjectName } from './subjects/index.ts'
import { type PeerFigures, type Scale, withPlace } from './workload.ts'
import { WORKLOADS } from './workloads/index.ts'

const FULL: Scale = { warmUpMs: 1_500, measureMs: 2_500, stallMs: 30_000, kills: 3, idleMs: 2_000 }
const QUICK: Scale = { warmUpMs: 300, measureMs: 500, stallMs: 1_000, kills: 1, idleMs: 300 }

/** Of a quick run, unless others are asked for: the rest takes longer, or shows nothing in a second. */
const QUICK_WORKLOADS = ['publish-one', 'publish-hundred', 'fanout-thirty', 'latency', 'bus-kill']

const NAMES = Object.keys(SUBJECTS) as SubjectName[]

export const peers: Benchmark = {
  description: 'Tidegate and others that do such work, one after the other, by the same clients',
  control: 'bare uWebSockets.js is the floor; the others are what Tidegate is compared with',
  notMeasured:
    'networks other than loopback; clusters; TLS; client libraries, but for the SDK in bus-kill; clients and servers share the cores',
  parts: NAMES,
  workloads: Object.keys(WORKLOADS),
  async run(progress, { parts = NAMES, isQuick = false, workloads: chosen }) {
    const workloads = chosen ?? (isQuick ? QUICK_WORKLOADS : Object.keys(WORKLOADS))
    const skipped: Record<string, string> = {}
    const versions: Record<string, string> = {}
    const measured: Record<string, Record<string, PeerFigures>> = {}
    // Workload by workload: these machines drift, and what is compared is measured close together.
    for (const workload of workloads) {
      const { description, measure } = WORKLOADS[workload]!
      progress(`${workload}: ${description}`)
      const rows: Record<string, PeerFigures> = {}
      for (const name of NAMES.filter((name) => parts.includes(name) && skipped[name] === undefined)) {
        try {
          rows[name] = await withPlace(name, (place) => {
            versions[name] = place.server.version
            return measure(place, isQuick ? QUICK : FULL)
          })
          progress(`${workload}, ${name}: ${JSON.stringify({ ...rows[name], raw: undefined })}`)
        } catch (error) {
          const { message } = error as Error
          if (error instanceof Unavailable) skipped[name] = message
          // The others are worth the minutes that they take.
          else rows[name] = { void: `it failed: ${message}` }
          progress(`${workload}, ${name} ${error instanceof Unavailable ? 'is skipped' : 'failed'}: ${message}`)
        }
      }
      measured[workload] = rows
    }
    const standings = Object.entries(measured).flatMap(([workload, rows]) =>
      standingOf('tidegate', rows, WORKLOADS[workload]!.compared).map((standing) => ({ workload, ...standing })),
    )
    for (const standing of standings) if (standing.rank > 1) progress(wordsOf(standing))
    return {
      isQuick,
      subjects: describe(parts, versions),
      skipped,
      ...measured,
      standings: standings.map((standing) => ({ ...standing })),
    }
  },
}

function describe(parts: readonly string[], versions: Readonly<Record<string, string>>): Record<string, Figures> {
  return Object.fromEntries(
    NAMES.filter((name) => parts.includes(name)).map((name) => {
      const { title, ack, settings } = SUBJECTS[name]
      return [name, { title, version: versions[name] ?? 'not measured', ack: { ...ack }, settings }]
    }),
  )
}

function wordsOf({
  workload,
  figure,
  rank,
  of,
  value,
  best,
  bestBy,
}: Standing & { readonly workload: string }): string {
  return `behind: ${workload} ${figure} ${value}, ${rank} of ${of}; ${bestBy} has ${best}`
}
