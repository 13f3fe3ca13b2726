import { randomUUID } from 'node:crypto'
import { openBus } from '../bus/index.ts'
import { systemClock } from '../clock.ts'
import { type CommandRequest, Commands } from '../commands/index.ts'
import type { Contract } from '../config/model.ts'
import type { CommandOutcome } from '../entities/index.ts'
import { Ingest } from '../ingest/index.ts'
import { createReport } from '../observability/defects.ts'
import { printable } from './printable.ts'

const CONNECT_DEADLINE_MS = 5_000

/** Sends one command as a gateway does and waits for its outcome. @param options.isOperator for one that no client may send @throws BusUnreachable; BusMismatch where another config runs */
export async function sendCommand(
  url: string,
  contract: Contract,
  request: Omit<CommandRequest, 'id' | 'deadlineMs'> & { readonly id?: string },
  { isOperator = false } = {},
): Promise<CommandOutcome> {
  const node = `cli-${randomUUID()}`
  const report = createReport(({ id, error }) => process.stderr.write(`${id}: ${printable(String(error))}\n`))
  const bus = await openBus({
    url,
    name: 'entity',
    channels: ['query', 'append', 'tail'],
    waitMs: CONNECT_DEADLINE_MS,
    contractHash: contract.hash,
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
  try {
    await commands.start()
    await ingest.start()
    return await new Promise((resolve) => commands.send({ id: randomUUID(), ...request }, resolve))
  } finally {
    await commands.close()
    ingest.close()
    bus.close()
  }
}
