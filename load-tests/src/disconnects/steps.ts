import type { Step } from './play.ts'

/** How often each kind of step is taken. */
const WEIGHTS: Readonly<Record<Step['kind'], number>> = {
  ...{ publish: 30, subscribe: 5, unsubscribe: 3, query: 2, cut: 22, lag: 4, refuse: 5, forbid: 1, slow: 2, drain: 3 },
  ...{ outage: 1, mend: 6, breathe: 25, wait: 8 },
}
const KINDS = (Object.keys(WEIGHTS) as Step['kind'][]).flatMap((kind) => Array<Step['kind']>(WEIGHTS[kind]).fill(kind))

/** One in so many cuts comes without advice: such a client waits for up to 10 s. */
const PLAIN_CUTS = 0.03

/** The next step of a seeded player. */
export function randomStep(random: () => number): Step {
  const upTo = (most: number) => Math.floor(random() * (most + 1))
  const kind = KINDS[upTo(KINDS.length - 1)]!
  switch (kind) {
    case 'publish':
      return { kind, keys: Array.from({ length: 1 + upTo(3) }, () => upTo(9)) }
    case 'subscribe':
      return { kind, start: random() < 0.7 ? 'earliest' : 'now', iterates: random() < 0.3 }
    case 'unsubscribe':
      return { kind, which: upTo(9) }
    case 'cut':
      return { kind, retryAfterMs: random() < PLAIN_CUTS ? undefined : upTo(8) }
    case 'lag':
      return { kind, ms: random() < 0.2 ? Number.POSITIVE_INFINITY : upTo(15) }
    case 'refuse':
      return { kind, frame: (['publish', 'subscribe', 'query', 'hello'] as const)[upTo(3)]!, times: 1 + upTo(2) }
    case 'slow':
      return { kind, frames: 1 + upTo(4) }
    case 'wait':
      return { kind, ms: upTo(10) }
    default:
      return { kind }
  }
}
