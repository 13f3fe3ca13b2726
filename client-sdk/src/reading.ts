import type { AbortSignal } from './abort-signal.ts'
import { AskingSubscription } from './asking-subscription.ts'
import type { ClientKind, Core } from './core.ts'
import { openGap } from './gap.ts'
import { Lag } from './lag.ts'
import { OptionChanges } from './option-changes.ts'
import { Queries, type QueryPage } from './queries.ts'

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
