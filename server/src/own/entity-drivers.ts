import type { LogVersion, Refusal } from '../bus/index.ts'
import type { PartitionFold } from '../fold/index.ts'
import { EntityWalk } from './entity-walk.ts'
import type { LoopParts, OwnerContext } from './loop-context.ts'
import { OutboxSender } from './outbox-sender.ts'
import type { PartitionStore } from './partition-store.ts'

/** A stream id behind every entry. */
const BEHIND_ALL = '18446744073709551615-0'

/** What sends the messages of entities; `undefined` where the contract has none. */
export function openSender(
  { partitions, clock, everywhere, report }: OwnerContext,
  store: PartitionStore,
  fold: PartitionFold,
  version: LogVersion,
): OutboxSender | undefined {
  const { entities } = fold
  if (entities === undefined) return undefined
  return new OutboxSender({
    ...{ partition: store.partition, partitions, version },
    log: (target) => store.logOf(target),
    now: () => clock.now(),
    maySend: everywhere,
    report,
    onArrived: ({ number }) => entities.outbox.arrived(number),
    onRefused: (sent, verdict) => {
      report(`reaction ${sent.message.id} of partition ${store.partition}`, new Error(`it was refused: ${verdict}`))
      entities.giveUp(sent)
    },
    onDoubt: () => fold.touch(),
  })
}

/** What looks at all entities; `undefined` where the contract has none. */
export function openWalk(
  { folding, walking: pace, clock, log, report }: OwnerContext,
  { store, loader, ownership }: Pick<LoopParts, 'store' | 'loader' | 'ownership'>,
  fold: PartitionFold,
  version: LogVersion,
): EntityWalk | undefined {
  const { entities } = fold
  if (entities === undefined) return undefined
  return new EntityWalk({
    ...{ fold: entities, store, loader, pace, now: () => clock.now(), inTurn: (body) => folding.run(body) },
    hasRoom: () => fold.hasRoomForCommands,
    suspect: ownership.suspect,
    note: (suspect) => store.ledger.noteSuspect(version, ownership.token, suspect),
    onPassedOver(name, key) {
      report(`rebuild of ${name} ${JSON.stringify(key)}`, new Error('the worker ended each time it looked at this'))
    },
    onRebuilt: (name, { total, written, failed }) => {
      log(`partition ${store.partition}: ${name} is rebuilt: ${total} entities, ${written} written, ${failed} failed`)
    },
  })
}

/** Removes what topics of entities show and the config does not show any more. @returns the refusal, if any */
export async function emptyOutdated(
  { store, ownership, hold }: Pick<LoopParts, 'store' | 'ownership' | 'hold'>,
  { entities }: PartitionFold,
  log: LogVersion,
): Promise<Refusal | undefined> {
  for (const topic of entities?.builds.outdated ?? []) {
    const trim = () => store.ledger.trim(log, ownership.token, topic, BEHIND_ALL, { exactly: true })
    const refusal = await hold.answered(trim)
    if (refusal !== undefined) return refusal
  }
  return undefined
}
