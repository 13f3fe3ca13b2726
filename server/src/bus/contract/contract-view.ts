import type { RedisOf } from '../redis/connection.ts'
import { decided } from './contract-head.ts'
import { ContractStore } from './contract-store.ts'

/** The contract of a deployment, as its processes have it or had it last. */
export interface RunningContract {
  readonly hash: string
  /** What it holds, as JSON; empty where that is not known. */
  readonly record: string
  /** Whether a process is alive. */
  readonly isRunning: boolean
  /** Processes of a contract before it may still run. */
  readonly isRolling: boolean
}

/** `undefined` where nothing has run. */
export async function readContract(redisOf: RedisOf): Promise<RunningContract | undefined> {
  const { head, record, live } = await new ContractStore(redisOf).look()
  return head && { hash: head.hash, record, isRunning: live.length > 0, isRolling: head.isRolling }
}

/** A contract that an operator decided for. */
export interface DecidedContract {
  readonly hash: string
  readonly record: string
  /** It has less than the head. */
  readonly isBack: boolean
}

/**
 * Makes a contract the one to run, whatever was.
 *
 * @returns false where another one came in meanwhile
 */
export async function writeContract(redisOf: RedisOf, { hash, record, isBack }: DecidedContract): Promise<boolean> {
  const store = new ContractStore(redisOf)
  const seen = await store.look()
  // Nothing is to be decided.
  if (seen.head === undefined || seen.head.hash === hash) return true
  return store.write(seen, decided(seen.head, hash, isBack), record)
}
