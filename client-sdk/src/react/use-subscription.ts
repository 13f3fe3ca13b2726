import { useInsertionEffect, useMemo, useRef, useState } from 'react'
import { expectKind, expectOptions } from '../application/arguments.ts'
import { CHANGE_OPTIONS } from '../subscriptions/change-options.ts'
import { DEFAULT_EVENTS, followEvents, passEvents } from './events.ts'
import type { AnyEvent, Follow } from './follow.ts'
import type { EventsOptions } from './hooks.ts'
import { type Live, nothing } from './live.ts'
import { keyOf } from './sources.ts'
import { useLive } from './use-live.ts'

type Callback = (event: AnyEvent) => unknown

const NO_EVENTS = /* @__PURE__ */ nothing<readonly AnyEvent[] | undefined>([])
const NOT_KEPT = /* @__PURE__ */ nothing<readonly AnyEvent[] | undefined>(undefined)

/** Counts components: they do not share what they pass on, as a later one would miss the events that came before. */
let components = 0

export function useSubscription(
  selector: string | undefined,
  ...rest: readonly [optionsOrCallback?: EventsOptions | Callback, callback?: Callback]
): Live<readonly AnyEvent[] | undefined> {
  const isCallback = typeof rest[0] === 'function' && rest[1] === undefined
  const [options = {}, callback] = (isCallback ? [{}, rest[0]] : rest) as [EventsOptions?, Callback?]
  expectOptions(
    'useSubscription',
    { ...CHANGE_OPTIONS, from: null, snapshot: null, limit: 'a number', suspense: null },
    options,
  )
  if (callback !== undefined) expectKind('useSubscription: callback', 'a function', callback)
  const { limit = DEFAULT_EVENTS, suspense, from: begin, ...chosen } = options
  // biome-ignore lint/correctness/useExhaustiveDependencies: a time that every render computes must not subscribe anew
  const from = useMemo(() => begin, [selector])
  const asked = { ...chosen, ...(from !== undefined && { from }) }
  const newest = useRef(callback)
  useInsertionEffect(() => {
    newest.current = callback
  })
  const [component] = useState(() => components++)
  const how = callback === undefined ? { limit } : { component }
  const key = selector === undefined ? undefined : keyOf('useSubscription', selector, asked, how)
  const follow: Follow<readonly AnyEvent[] | undefined> =
    callback === undefined
      ? followEvents(selector!, limit, asked)
      : passEvents(selector!, asked, (event) => newest.current?.(event))
  return useLive(key, follow, callback === undefined ? NO_EVENTS : NOT_KEPT, suspense)
}
