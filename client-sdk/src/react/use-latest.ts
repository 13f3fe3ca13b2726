import { useMemo } from 'react'
import { expectOptions } from '../application/arguments.ts'
import { CHANGE_OPTIONS } from '../subscriptions/change-options.ts'
import type { AnyEvent } from './follow.ts'
import type { LatestOptions } from './hooks.ts'
import { DEFAULT_KEYS, followLatest } from './latest.ts'
import { type Live, nothing } from './live.ts'
import { keyOf } from './sources.ts'
import { useLive } from './use-live.ts'

const NO_KEYS = /* @__PURE__ */ nothing<ReadonlyMap<string, AnyEvent>>(new Map())

export function useLatest(
  topic: string | undefined,
  options: LatestOptions & { readonly key?: string | undefined } = {},
): Live<ReadonlyMap<string, AnyEvent> | AnyEvent | undefined> {
  expectOptions('useLatest', { ...CHANGE_OPTIONS, key: null, limit: 'a number', suspense: null }, options)
  const { key, limit = DEFAULT_KEYS, suspense, ...rest } = options
  const isOne = 'key' in options
  const asked = key === undefined ? rest : { ...rest, keys: [key] }
  const isFollowed = topic !== undefined && (!isOne || key !== undefined)
  const live = useLive(
    isFollowed ? keyOf('useLatest', topic, asked, limit) : undefined,
    followLatest(topic!, limit, asked),
    NO_KEYS,
    suspense,
  )
  return useMemo(() => (isOne ? { ...live, data: live.data.get(key!) } : live), [live, isOne, key])
}
