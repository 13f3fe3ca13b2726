import { expectOptions } from '../application/arguments.ts'
import { CHANGE_OPTIONS } from '../subscriptions/change-options.ts'
import type { WindowOptions } from './hooks.ts'
import { type Live, nothing } from './live.ts'
import { type AnyPane, DEFAULT_PANES, DEFAULT_PAST_MS, followPanes } from './panes.ts'
import { keyOf } from './sources.ts'
import { useLive } from './use-live.ts'

const NO_PANES = /* @__PURE__ */ nothing<readonly AnyPane[]>([])

export function useWindow(topic: string | undefined, options: WindowOptions = {}): Live<readonly AnyPane[]> {
  expectOptions(
    'useWindow',
    { ...CHANGE_OPTIONS, key: null, pastMs: 'a number', limit: 'a number', suspense: null },
    options,
  )
  const { key, pastMs = DEFAULT_PAST_MS, limit = DEFAULT_PANES, suspense, ...rest } = options
  const asked = key === undefined ? rest : { ...rest, keys: [key] }
  const isFollowed = topic !== undefined && (!('key' in options) || key !== undefined)
  // As a text: JSON has no Infinity.
  const of = isFollowed ? keyOf('useWindow', topic, asked, `${pastMs}`, limit) : undefined
  return useLive(of, followPanes(topic!, { pastMs, limit }, asked), NO_PANES, suspense)
}
