import { LOG_NAME } from '../keys.ts'

/** A key of a partition, by what it holds. */
export type StoredKey = { readonly partition: number; readonly name: string } & (
  | { readonly kind: 'log'; readonly topic: string }
  | { readonly kind: 'meta' | 'producers' | 'backfill' | 'presence' | 'owned' }
)

/** Pattern of the keys of all partitions. */
export const KEYS_OF_PARTITIONS = '{tg:[0-9]*'
const KEY = /^\{tg:(\d+)\}:(.*)$/s

/** `undefined` for a key of something else. */
export function parseKey(key: string): StoredKey | undefined {
  const [, number, name] = KEY.exec(key) ?? []
  if (name === undefined) return undefined
  const partition = Number(number)
  if (name.startsWith(LOG_NAME)) return { partition, name, kind: 'log', topic: name.slice(LOG_NAME.length) }
  if (name === 'meta') return { partition, name, kind: 'meta' }
  if (name.startsWith('prod:')) return { partition, name, kind: 'producers' }
  if (name.startsWith('fill:')) return { partition, name, kind: 'backfill' }
  if (name === 'presence' || name.startsWith('presence:')) return { partition, name, kind: 'presence' }
  return { partition, name, kind: 'owned' }
}

const GROWN_KEY = /^tg:grown:\{tg:(\d+)\}:(.*)$/s

/** The same of a key of a partition that is being made. */
export function parseGrown(key: string): { readonly partition: number; readonly name: string } | undefined {
  const [, number, name] = GROWN_KEY.exec(key) ?? []
  return name === undefined ? undefined : { partition: Number(number), name }
}
