import { useCallback, useMemo } from 'react'
import { expectOptions } from '../application/arguments.ts'
import type { LiveState } from '../application/entity-types.ts'
import type { CommandOptions } from '../commands/command-types.ts'
import { useClient } from './context.ts'
import { followEntity } from './handles.ts'
import type { LiveEntity, Suspending } from './hooks.ts'
import { nothing } from './live.ts'
import { keyOf } from './sources.ts'
import { SUSPENDING, useLive } from './use-live.ts'

const NO_ENTITY = /* @__PURE__ */ nothing<LiveState<unknown> | undefined>(undefined)

export function useEntity(
  name: string | undefined,
  key: string | undefined,
  options: Suspending = {},
): LiveEntity<unknown, string> {
  expectOptions('useEntity', SUSPENDING, options)
  const client = useClient()
  const isFollowed = name !== undefined && key !== undefined
  const live = useLive(
    isFollowed ? keyOf('useEntity', name, key) : undefined,
    followEntity(name!, key!),
    NO_ENTITY,
    options.suspense,
  )
  const command = useCallback(
    (command: string, input: object, options?: CommandOptions) => client.command(name!, key!, command, input, options),
    [client, name, key],
  )
  return useMemo(() => ({ ...live, data: live.data?.view, version: live.data?.version, command }), [live, command])
}
