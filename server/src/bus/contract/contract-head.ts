/**
 * The contract that a deployment runs, and the ones before it. Each that takes the place of another one has the next number, its
 * generation: a partition is never taken by a worker of an earlier one than it was taken by before.
 */
export interface ContractHead {
  readonly generation: number
  readonly hash: string
  /** It took the place of one whose processes were running, and some of those may still be. */
  readonly isRolling: boolean
  /** The contracts before it by hash, with their generations. */
  readonly before: Readonly<Record<string, number>>
  /** Contracts that were taken back: processes with them are refused. */
  readonly withdrawn: readonly string[]
}

/** How a process's contract stands to the head's. */
export type ContractRelation = 'same' | 'newer' | 'older' | 'apart'

/** A contract as one process has it. */
export interface ClaimedContract {
  readonly hash: string
  /** What it holds, as JSON, for whoever compares another one with it. */
  readonly record: string
  /** How it stands to another one, by what that one recorded. */
  relationTo(record: string): ContractRelation
  /** Names what keeps processes with the two from running side by side. */
  differencesFrom(record: string): readonly string[]
}

export type ContractRole = 'gateway' | 'worker'

export type Entry =
  /** It runs beside the others, as of a generation. */
  | { readonly kind: 'join'; readonly generation: number }
  /** Its contract takes the place of the head's. */
  | { readonly kind: 'raise'; readonly head: ContractHead }
  /** As things are it is refused; some reasons pass by themselves. */
  | { readonly kind: 'refuse'; readonly why: RefusedEntry }

export type RefusedEntry = 'workers_first' | 'older' | 'apart' | 'rolling' | 'withdrawn'

/** As many contracts before it are remembered. A process of an earlier one counts as of the first. */
const MAX_BEFORE = 64

export const FIRST = 0

/** What becomes of a process that starts. Pure. @param live generations with a process that is alive */
export function entryOf(
  { hash, role }: { readonly hash: string; readonly role: ContractRole },
  head: ContractHead | undefined,
  relation: ContractRelation,
  live: ReadonlySet<number>,
): Entry {
  if (head === undefined) return { kind: 'raise', head: firstHead(hash) }
  if (head.withdrawn.includes(hash)) return { kind: 'refuse', why: 'withdrawn' }
  const raised = (isRolling: boolean): Entry => ({ kind: 'raise', head: successor(head, hash, isRolling) })
  switch (relation) {
    case 'same':
      return { kind: 'join', generation: head.generation }
    case 'newer':
      if (live.size === 0) return raised(false)
      // A gateway alone would accept what no worker computes, and shut out workers of the running contract.
      return role === 'worker' ? raised(true) : { kind: 'refuse', why: 'workers_first' }
    case 'older': {
      const generation = head.before[hash] ?? FIRST
      if (![...live].some((one) => one > generation)) {
        return head.isRolling ? { kind: 'refuse', why: 'rolling' } : raised(false)
      }
      // All that it accepts is valid to newer workers. As a worker it could take nothing.
      return role === 'gateway' ? { kind: 'join', generation } : { kind: 'refuse', why: 'older' }
    }
    case 'apart':
      return live.size === 0 ? raised(false) : { kind: 'refuse', why: 'apart' }
  }
}

export function firstHead(hash: string): ContractHead {
  return { generation: FIRST, hash, isRolling: false, before: {}, withdrawn: [] }
}

export function successor(head: ContractHead, hash: string, isRolling: boolean): ContractHead {
  const { [hash]: _, ...others } = { ...head.before, [head.hash]: head.generation }
  const kept = Object.entries(others)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_BEFORE)
  const withdrawn = head.withdrawn.filter((one) => one !== hash)
  return { generation: head.generation + 1, hash, isRolling, before: Object.fromEntries(kept), withdrawn }
}

/**
 * The head once an operator decided for a contract. Where he went back to it, those that took its place are withdrawn: a process of
 * theirs that ends and is started again must not undo the decision.
 */
export function decided(head: ContractHead, hash: string, isBack: boolean): ContractHead {
  const since = head.before[hash] ?? FIRST
  const next = successor(head, hash, true)
  if (!isBack) return next
  const later = Object.entries(head.before).flatMap(([one, generation]) => (generation > since ? [one] : []))
  return { ...next, withdrawn: [...new Set([...next.withdrawn, ...later, head.hash])].slice(-MAX_BEFORE) }
}
