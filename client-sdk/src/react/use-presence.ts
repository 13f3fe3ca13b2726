import { useMemo } from 'react'
import { followPresence, type Present } from './handles.ts'
import type { LivePresence, Suspending } from './hooks.ts'
import { nothing } from './live.ts'
import { keyOf } from './sources.ts'
import { useLive } from './use-live.ts'

const NOBODY = /* @__PURE__ */ nothing<Present>({ present: new Map(), unlisted: 0 })

export function usePresence(topic: string | undefined, { suspense }: Suspending = {}): LivePresence {
  const key = topic === undefined ? undefined : keyOf('usePresence', topic)
  const live = useLive(key, followPresence(topic!), NOBODY, suspense)
  return useMemo(() => ({ ...live, data: live.data.present, unlisted: live.data.unlisted }), [live])
}
