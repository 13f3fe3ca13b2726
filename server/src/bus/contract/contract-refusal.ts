import { BusMismatch } from '../errors.ts'
import type { ClaimedContract, ContractHead, RefusedEntry } from './contract-head.ts'

/** Why a process cannot run beside the others. */
export type Unfit = RefusedEntry | 'version'

const WORKERS_FIRST = 'Start workers with this config first, then gateways.'

/** @param record what the head holds, as JSON; empty where that is not known */
export function refusal(why: Unfit, own: ClaimedContract, head: ContractHead, record: string): BusMismatch {
  const running = `Other processes run contract ${head.hash}, this one has ${own.hash}`
  switch (why) {
    case 'workers_first':
      return new BusMismatch(`${running}, which has more. ${WORKERS_FIRST}`)
    case 'older':
      return new BusMismatch(
        `${running}, which has less: a worker with it may not take what they have computed. Start it with their config, or ` +
          'take that back with tidegate config accept.',
      )
    case 'rolling':
      return new BusMismatch(
        `Contract ${head.hash} was taking the place of ${own.hash} when everything ended. Start processes with that config, ` +
          'or take it back with tidegate config accept.',
      )
    case 'withdrawn':
      return new BusMismatch(
        `Contract ${own.hash} was taken back: contract ${head.hash} is the one to run. To bring it in again, run tidegate ` +
          'config accept with its config.',
      )
    case 'version':
      return new BusMismatch(
        `${running}, and some of them are of a version of Tidegate before this one, which does not hand over to another ` +
          'config. Restart all of them with this version and their config first.',
      )
    case 'apart': {
      const differences = record === '' ? [] : own.differencesFrom(record)
      const what = differences.length === 0 ? '' : `: ${differences.join('; ')}`
      return new BusMismatch(
        `${running}${what}. The two cannot run side by side. Stop the gateways, then the workers; then start workers, then ` +
          'gateways with the new one. tidegate config diff says what becomes of what is stored.',
      )
    }
  }
}

export function stillHeld(partitions: readonly number[]): BusMismatch {
  return new BusMismatch(
    `Partitions ${partitions.join(', ')} are still held by workers of an earlier config. ${WORKERS_FIRST}`,
  )
}
