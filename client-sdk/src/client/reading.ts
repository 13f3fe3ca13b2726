import type { AbortSignal } from '../application/abort-signal.ts'
import { Queries, type QueryPage } from '../reads/queries.ts'
import { AskingSubscription } from '../subscriptions/asking-subscription.ts'
import { openGap } from '../subscriptions/gap.ts'
import { OptionChanges } from '../subscriptions/option-changes.ts'
import type { ClientKind, Core } from './core.ts'
import { Lag } from './lag.ts'

type AskPage = (query: string, params: Readonly<Record<string, unknown>>, signal?: AbortSignal) => Promise<QueryPage>

/** Of a client that reads, and not only receives: queries, and subscriptions that ask by them. */
export interface Reading extends ClientKind {
  /** @throws TidegateError `no_answer` after 10 s, `closed`, or the server's code; the reason of the signal */
  readonly ask: AskPage
}

export function createReading(): Reading {
  let core: Core
  let queries: Queries
  const ask: AskPage = async (query, params, signal) => {
    core.use(signal)
    return queries.ask(query, params, signal)
  }
  return {
    ask,
    subscriptions: {
      open: (...call) => new AskingSubscription(ask, ...call),
      optionsOf: (options, request) => new OptionChanges(options, request),
      gapOf: (frame, options) => openGap(frame, options, ask),
    },
    parts: (of) => {
      core = of
      queries = new Queries(core.connection)
      return [queries, new Lag(core.connection.status, (monotonic) => core.clock.at(monotonic))]
    },
  }
}
