import { hiddenByEither, hiddenOfEvents, NOTHING_HIDDEN, type Rights, shownCopy } from '../access/index.ts'
import type { CommandOutcome } from '../entities/index.ts'
import type { CommandRequest } from './command-request.ts'
import { readOutcome } from './outcome.ts'
import type { Settle } from './pending-commands.ts'

/** Gets an outcome as far as the sender may see the events in it. */
export function shownTo({ caller: { rights }, entity, key, command }: CommandRequest, answer: Settle): Settle {
  if (!rights.hides) return answer
  return (told, logged) => {
    const outcome = readOutcome(told)
    const shown = shownOutcome(outcome, { entity, key, commands: [command], rights })
    answer(shown, shown === outcome ? logged : logged && { position: logged.position })
  }
}

interface Asked {
  readonly entity: string
  readonly key: string
  /** Of which it may be the outcome: what one of them does not show is not shown. */
  readonly commands: readonly string[]
  readonly rights: Rights
}

export function shownOutcome(outcome: CommandOutcome, { entity, key, commands, rights }: Asked): CommandOutcome {
  if (outcome.status !== 'done' || !rights.hides) return outcome
  const hidden = hiddenByEither(
    commands.map(
      (name) => rights.sight('command', `${entity}.${name}`, hiddenOfEvents(entity))?.of(key) ?? NOTHING_HIDDEN,
    ),
  )
  return { ...outcome, events: outcome.events.map((event) => shownCopy(event, hidden)) }
}
