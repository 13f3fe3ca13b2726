import type { JudgedPart } from '../calls/append-calls.ts'
import type { AppendPart } from '../calls/append-part.ts'
import type { CommitPart, RawCommitReply } from '../calls/commit-calls.ts'
import { BusUnavailable } from '../errors.ts'
import type { Redis } from '../redis/connection.ts'
import { isElsewhere } from '../redis/outage.ts'
import { runScript, type Script } from '../redis/script.ts'
import type { Guard } from './guard.ts'
import { Line } from './line.ts'

/** When to try again what no node of a cluster would take before its deadline, ms. */
const RETRY_MS = 200

/** Where the calls of a channel lead to: the Redis that serves one slot, whichever that is. */
export interface Place {
  /** @throws BusUnavailable where none is known */
  line(): Line
  /** Follows an answer by which another node serves the slot, or none does now. Resolves when the call may be made again. */
  follow(error: Error): Promise<void>
}

type Argument = string | number | Buffer

/**
 * The calls of one class of operations to what lies in one slot. A call that a node refuses because the slot is elsewhere, or
 * on its way, certainly had no effect: it is made again until the deadline of its class has passed, and is no failure of any node.
 */
export class Channel {
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  /** Over a connection that the caller has. */
  static over(redis: Redis, guard: Guard): Channel {
    const line = new Line(redis, guard, false)
    return new Channel({ line: () => line, follow: async () => {} })
  }

  /** One call of bounded size. @throws BusUnavailable, BusFull */
  run<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    return this.#made((line) => line.run(call))
  }

  /** One call whose answer may be large: late but still arriving is no outage. @throws BusUnavailable */
  read<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    return this.#made((line) => line.read(call))
  }

  /** Stores a part of what is appended in this turn. @throws as `AppendCalls` says */
  append(part: AppendPart): Promise<JudgedPart> {
    return this.#made((line) => line.appends.add(part))
  }

  /** Stores a commit, with those of other partitions that come in this turn. @throws BusUnavailable, BusFull */
  commit(part: CommitPart): Promise<RawCommitReply> {
    return this.#made((line) => line.commits.add(part))
  }

  /** @throws BusUnavailable, BusFull */
  script(script: Script, scriptKeys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.run((redis) => runScript(redis, script, scriptKeys, args))
  }

  /** The same of a script that only reads, and whose answer may be large. @throws BusUnavailable */
  readScript(script: Script, scriptKeys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.read((redis) => runScript(redis, script, scriptKeys, args))
  }

  async #made<T>(call: (line: Line) => Promise<T>): Promise<T> {
    const since = performance.now()
    for (;;) {
      const line = this.#place.line()
      if (line.opening !== undefined) await line.opening
      try {
        return await call(line)
      } catch (error) {
        if (!isElsewhere(error)) throw error
        if (performance.now() - since > line.guard.deadlineMs) throw new BusUnavailable('not_sent', RETRY_MS, error)
        await this.#place.follow(error)
      }
    }
  }
}
