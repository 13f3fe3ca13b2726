import { useCallback, useSyncExternalStore } from 'react'
import type { ConnectionStatus } from '../connection/machine/state.ts'
import { useClient } from './context.ts'

export function useStatus(): ConnectionStatus {
  const client = useClient()
  const subscribe = useCallback((listener: () => void) => client.onStatus(listener), [client])
  return useSyncExternalStore(
    subscribe,
    () => client.status.get().state,
    () => 'idle',
  )
}
