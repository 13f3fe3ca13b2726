import { useMemo } from 'react'
import { expectOptions } from '../application/arguments.ts'
import { followPresence, type Present } from './handles.ts'
import type { LivePresence, Suspending } from './hooks.ts'
import { nothing } from './live.ts'
import { keyOf } from './sources.ts'
import { SUSPENDING, useLive } from './use-live.ts'

const NOBODY = /* @__PURE__ */ nothing<Present>({ present: new Map(), unlisted: 0 })

export function usePresence(topic: string | undefined, options: Suspending = {}): LivePresence {
  expectOptions('usePresence', SUSPENDING, options)
  const key = topic === undefined ? undefined : keyOf('usePresence', topic)
  const live = useLive(key, followPresence(topic!), NOBODY, options.suspense)
  return useMemo(() => ({ ...live, data: live.data.present, unlisted: live.data.unlisted }), [live])
}
