import { randomUUID } from 'node:crypto'
import { ANYBODY } from '../../access/index.ts'
import { type Bus, openBus } from '../../bus/index.ts'
import { systemClock } from '../../clock.ts'
import { type CommandRequest, Commands, readOutcome } from '../../commands/index.ts'
import { claimOf } from '../../config/changes/claim.ts'
import type { Contract } from '../../config/contract/model.ts'
import type { CommandOutcome } from '../../entities/index.ts'
import { Ingest } from '../../ingest/index.ts'
import { createReport } from '../../observability/defects.ts'
import { printable } from '../terminal/printable.ts'

const CONNECT_DEADLINE_MS = 5_000

/** Whoever reaches Redis may do everything. */
type OwnRequest = Omit<CommandRequest, 'caller'>

export interface CommandSender {
  readonly bus: Bus
  send(request: OwnRequest): Promise<CommandOutcome>
  close(): Promise<void>
}

/** Sends one command as a gateway does and waits for its outcome. @throws as `openSender` */
export async function sendCommand(
  url: string,
  contract: Contract,
  request: Omit<OwnRequest, 'id' | 'deadlineMs'> & { readonly id?: string },
  options: { readonly isOperator?: boolean } = {},
): Promise<CommandOutcome> {
  const sender = await openSender(url, contract, options)
  try {
    return await sender.send({ id: randomUUID(), ...request })
  } finally {
    await sender.close()
  }
}

/**
 * Sends commands as a gateway does. MUST be closed.
 *
 * @param options.isOperator for those that no client may send
 * @throws BusUnreachable; BusMismatch where another config runs
 */
export async function openSender(
  url: string,
  contract: Contract,
  { isOperator = false }: { readonly isOperator?: boolean } = {},
): Promise<CommandSender> {
  const node = `cli-${randomUUID()}`
  const report = createReport(({ id, error }) => process.stderr.write(`${id}: ${printable(String(error))}\n`))
  const bus = await openBus({
    url,
    name: 'entity',
    channels: ['query', 'append', 'tail'],
    waitMs: CONNECT_DEADLINE_MS,
    contract: claimOf(contract),
    entities: contract.entities,
  })
  const ingest = new Ingest({ bus, contract, clock: systemClock, report, known: () => [] })
  const commands = new Commands({
    bus,
    contract,
    ingest,
    clock: systemClock,
    report,
    node,
    isOperator,
    overloadedMs: () => undefined,
    onAnswer: () => {},
  })
  const close = async () => {
    await commands.close()
    ingest.close()
    bus.close()
  }
  try {
    await commands.start()
    await ingest.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    bus,
    close,
    send: (request) =>
      new Promise((resolve) => {
        commands.send({ ...request, caller: ANYBODY }, (told) => resolve(readOutcome(told)))
      }),
  }
}
