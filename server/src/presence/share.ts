/** What one gateway says of a subject: its part of what a presence topic shows. */
export interface Share {
  readonly connections: number
  /** When the first of them came, by the gateway's clock. */
  readonly joinedAt: number
  /** What one of them said of itself last. */
  readonly state?: SaidState
}

export interface SaidState {
  readonly json: string
  /** When it was said, by the gateway's clock. */
  readonly at: number
}

/** The key under which those are counted that are not listed. No subject begins with `~`. */
export const MORE_KEY = '~more'

/** The name of a share in a gateway's report. @param topic has no space in it */
export const fieldOf = (topic: string, key: string): string => `${topic} ${key}`

export function placeOf(field: string): { readonly topic: string; readonly key: string } {
  const space = field.indexOf(' ')
  return { topic: field.slice(0, space), key: field.slice(space + 1) }
}

export function encodeShare({ connections, joinedAt, state }: Share): string {
  return JSON.stringify([connections, joinedAt, ...(state === undefined ? [] : [state.at, state.json])])
}

/** @returns `undefined` for what no gateway writes */
export function decodeShare(text: string): Share | undefined {
  const value: unknown = JSON.parse(text)
  if (!Array.isArray(value)) return undefined
  const [connections, joinedAt, at, json] = value as unknown[]
  if (typeof connections !== 'number' || typeof joinedAt !== 'number') return undefined
  return {
    connections,
    joinedAt,
    ...(typeof at === 'number' && typeof json === 'string' && { state: { at, json } }),
  }
}
