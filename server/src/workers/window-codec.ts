import type { WindowState } from '../operators/index.ts'

/** Field and value under which the state of one window and key is stored: `<start>:<key>` -> `[revision, changed, slots...]`. */
export function encodeWindowState(state: WindowState): readonly [string, string] {
  return [windowField(state), JSON.stringify([state.revision, state.changed ? 1 : 0, ...state.accumulator])]
}

export function windowField({ start, key }: { readonly start: number; readonly key: string }): string {
  return `${start}:${key}`
}

export function decodeWindowState(
  field: string,
  value: string,
): Pick<WindowState, 'key' | 'start' | 'accumulator' | 'revision' | 'changed'> {
  const colon = field.indexOf(':')
  const [revision, changed, ...accumulator] = JSON.parse(value) as number[]
  return {
    start: Number(field.slice(0, colon)),
    key: field.slice(colon + 1),
    revision: revision!,
    changed: changed === 1,
    accumulator,
  }
}
