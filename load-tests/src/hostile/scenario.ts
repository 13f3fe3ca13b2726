/** What an attack has to work with. */
export interface Battlefield {
  /** Of the gateway. */
  readonly port: number
  /** When it ends, by `performance.now()`. */
  readonly until: number
  /** To be awaited before each step of what is repeated: it keeps the attacker within its share of the CPU. */
  readonly keepPace: () => Promise<void>
}

/** Something that hostile clients do, for as long as they are let. */
export interface Attack {
  readonly name: string
  /** One line for `--list`. */
  readonly about: string
  /** Does it until `until`, closes what it opened, and says how much it did. */
  run(field: Battlefield): Promise<string>
}

/** Repeats something until the end, in several lanes at once. What fails is tried again. */
export async function inLanes(
  count: number,
  { until, keepPace }: Pick<Battlefield, 'until' | 'keepPace'>,
  step: (lane: number) => Promise<unknown>,
): Promise<number> {
  let done = 0
  const lane = async (index: number) => {
    while (performance.now() < until) {
      await keepPace()
      await step(index).then(
        () => done++,
        () => pause(RETRY_MS),
      )
    }
  }
  await Promise.all(Array.from({ length: count }, (_, index) => lane(index)))
  return done
}

/** A hostile client that is refused tries again soon. */
const RETRY_MS = 20

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export const untilEnd = ({ until }: Pick<Battlefield, 'until'>) => pause(Math.max(0, until - performance.now()))
