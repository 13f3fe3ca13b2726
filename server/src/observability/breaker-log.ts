import type { GuardState } from '../bus/index.ts'

/** Says that a breaker opened, and why, and that it is closed again. What an open one tries meanwhile is no news. */
export function breakerLog(log: (line: string, state: GuardState) => void): (state: GuardState) => void {
  const open = new Set<string>()
  return (state) => {
    const { class: busClass, node, why } = state
    const name = node === undefined ? busClass : `${busClass} of ${node}`
    if (state.state === 'closed') {
      open.delete(name)
      log(`breaker ${name}: closed`, state)
    } else if (!open.has(name)) {
      open.add(name)
      log(`breaker ${name}: open, since the last call failed: ${why}`, state)
    }
  }
}
