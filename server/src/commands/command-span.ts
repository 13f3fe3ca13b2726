import { type Spans, Traces } from '../tracing/index.ts'
import type { CommandRequest } from './command-request.ts'
import type { Settle } from './pending-commands.ts'

/** Takes the outcome of a command, and records how long that took in the trace that it comes from. */
export function commandSpan(
  spans: Spans,
  { entity, command, id, trace }: Pick<CommandRequest, 'entity' | 'command' | 'id' | 'trace'>,
  settle: Settle,
): Settle {
  const traces = new Traces()
  if (trace !== undefined) traces.add(trace)
  if (traces.isEmpty) return settle
  const startedAt = performance.now()
  return (outcome, logged) => {
    settle(outcome, logged)
    spans.record(traces, {
      name: `command ${entity}`,
      kind: 'server',
      durationMs: performance.now() - startedAt,
      attributes: {
        'messaging.operation.name': 'command',
        'messaging.destination.name': entity,
        'messaging.message.id': id,
        'tidegate.command': command,
      },
      error: outcome.status === 'rejected' ? outcome.code : undefined,
    })
  }
}
