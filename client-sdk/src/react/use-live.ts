import { useCallback, useSyncExternalStore } from 'react'
import { useClient } from './context.ts'
import type { Follow } from './follow.ts'
import type { Live, Nothing } from './live.ts'
import { sourcesOf } from './sources.ts'

/** Of hooks that have no other options. */
export const SUSPENDING = { suspense: null } as const

/**
 * Follows something while the component is mounted.
 *
 * @param key says everything about `follow`; `undefined` follows nothing
 * @param nothing on a server, and until it is mounted; always the same object
 */
export function useLive<Data>(
  key: string | undefined,
  follow: Follow<Data>,
  nothing: Nothing<Data>,
  suspense = false,
): Live<Data> {
  const sources = sourcesOf(useClient())
  const open = (key: string) => sources.getOrOpen(key, follow, nothing.loading)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another `follow` under the same key does the same
  const subscribe = useCallback(
    (listener: () => void) => (key === undefined ? () => {} : open(key).listen(listener)),
    [sources, key],
  )
  const initial = key === undefined ? nothing.idle : nothing.loading
  const read = () => (key === undefined ? undefined : sources.get<Data>(key)?.live) ?? initial
  const live = useSyncExternalStore(subscribe, read, () => {
    // React sends the fallback, and renders the component in the browser.
    if (suspense && key !== undefined && typeof document === 'undefined')
      throw new Error('With suspense, Tidegate renders in browsers only.')
    return initial
  })
  if (!suspense || key === undefined) return live
  if (live.status === 'loading') throw open(key).suspend()
  // There is nothing else to show: an error boundary shows it.
  if (live.status === 'failed' && !sources.get(key)?.wasReady) throw live.error
  return live
}
