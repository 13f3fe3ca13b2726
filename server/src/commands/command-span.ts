import { answerSpan, type Spans } from '../tracing/index.ts'
import type { CommandRequest } from './command-request.ts'
import type { Settle } from './pending-commands.ts'

/** Takes the outcome of a command, and records how long that took in the trace that it comes from. */
export function commandSpan(
  spans: Spans,
  { entity, command, id, trace }: Pick<CommandRequest, 'entity' | 'command' | 'id' | 'trace'>,
  settle: Settle,
): Settle {
  if (trace === undefined) return settle
  const attributes = {
    'messaging.operation.name': 'command',
    'messaging.destination.name': entity,
    'messaging.message.id': id,
    'tidegate.command': command,
  }
  return answerSpan(spans, [trace], { name: `command ${entity}`, attributes }, settle, (outcome) =>
    outcome.status === 'rejected' ? outcome.code : undefined,
  )
}
