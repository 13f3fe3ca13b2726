import type { ResumeFrom, SubscribeOptions } from '@tidegate/protocol'

/** What somebody asked to see of a topic. */
export interface TailQuery {
  readonly topic: string
  /** '' for all keys. */
  readonly key: string
  /** A filter; '' for none. */
  readonly where: string
  readonly range: TailRange
}

export type TailRange =
  | { readonly kind: 'live' }
  | { readonly kind: 'last'; readonly ms: number }
  | { readonly kind: 'earliest' }
  /** By the time of events, ms since 1970. */
  | { readonly kind: 'between'; readonly from: number; readonly to: number }

/** Events may be stored before their own time, by clocks that are ahead. */
const AHEAD_MS = 60_000

/** @param now ms since 1970 */
export function subscribeOptions({ key, where, range }: TailQuery, now: number): SubscribeOptions {
  const filters = [where.trim(), ...(range.kind === 'between' ? [`time >= ${range.from} && time < ${range.to}`] : [])]
  const all = filters.filter((filter) => filter !== '')
  const filter = all.length > 1 ? all.map((one) => `(${one})`).join(' && ') : all[0]
  return {
    from: fromOf(range, now),
    ...(key !== '' && { keys: [key] }),
    ...(filter !== undefined && { where: filter }),
  }
}

function fromOf(range: TailRange, now: number): ResumeFrom {
  switch (range.kind) {
    case 'live':
      return 'now'
    case 'earliest':
      return 'earliest'
    case 'last':
      return { time: now - range.ms }
    case 'between':
      return { time: range.from - AHEAD_MS }
  }
}

/** A program that does the same with the SDK. */
export function sdkCode(query: TailQuery, url: string, hasToken: boolean, now: number): string {
  const { from, ...others } = subscribeOptions(query, now)
  const fields = Object.entries({ ...others, ...(from !== 'now' && { from }) })
  const options = fields.map(([name, value]) => `${name}: ${literal(value)}`).join(', ')
  const token = hasToken ? ', token: process.env.TIDEGATE_TOKEN' : ''
  return [
    `import { createClient } from '@tidegate/client'`,
    '',
    `const client = createClient({ url: ${literal(url)}${token} })`,
    `client.subscribe(${literal(query.topic)}, {${options === '' ? '' : ` ${options} `}}, (event) => {`,
    '  console.log(new Date(event.time), event.key, event.data)',
    '})',
  ].join('\n')
}

function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{ ${Object.entries(value)
    .map(([name, field]) => `${name}: ${literal(field)}`)
    .join(', ')} }`
}
