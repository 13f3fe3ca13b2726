import type { Bus } from '../../src/bus/index.ts'
import type { Hold, Leased, LoopEnd } from '../../src/lease/index.ts'

const ALL_DAY_MS = 86_400_000

/** What the ledger of a partition is held for in these tests: nothing, unless it is said. */
export function leasedOf(bus: Bus, partition: number, changes: Partial<Leased> = {}): Leased {
  return {
    ledger: bus.ledger(partition, 'commit'),
    log: bus.log(partition, 'commit'),
    isOpen: async () => true,
    loop: (_, hold) => untilStopped(hold),
    close: () => {},
    ...changes,
  }
}

export async function untilStopped(hold: Hold): Promise<LoopEnd> {
  await hold.pause(ALL_DAY_MS)
  return 'stopped'
}
