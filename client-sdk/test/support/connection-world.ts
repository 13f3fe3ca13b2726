import { expect } from 'vitest'
import type { Effect } from '../../src/connection/machine/effect.ts'
import type { ConnectionEvent, Happening, TokenEvent } from '../../src/connection/machine/event.ts'
import { step } from '../../src/connection/machine/machine.ts'
import {
  initialState,
  type SocketId,
  STATUS,
  type State,
  TIMERS,
  type TimerName,
} from '../../src/connection/machine/state.ts'
import { FIXED, UNASKED } from '../../src/connection/machine/token-state.ts'

const STABLE_MS = 5_000
const ANSWER_DEADLINE_MS = 5_000
const RETRY_REST_MS = 1_000

/** What a driver would have done so far, and what must hold after every event. */
export class ConnectionWorld {
  state: State
  readonly sockets = new Set<SocketId>()
  readonly timers = new Set<TimerName>()
  /** Announced to the parts of the client. */
  readonly announced: string[] = []
  newest = 0
  #now = 0
  #random = 0
  #online = false
  #onlineSince = 0
  #failures = 0
  #session = 0
  #sequence: string | undefined = 'new'
  #wasOnline = false
  #probedAt = Number.NEGATIVE_INFINITY
  /** The server asked for the wait, and for the one in which the present event came. */
  #wasAdvised = false
  #isAdvised = false
  readonly #greeted = new Set<SocketId>()
  readonly #asks: boolean
  /** The application is being asked for a token. */
  #isAsking = false
  /** There is one that no gateway has refused. */
  #hasToken = false
  #calls = 0

  /** @param asks whether the application is asked for tokens */
  constructor(asks: boolean) {
    this.#asks = asks
    this.state = initialState(asks ? UNASKED : FIXED)
  }

  pass(ms: number): void {
    this.#now += ms
  }

  /** Fires a timer that runs. */
  fire(timer: TimerName, random: number): void {
    this.timers.delete(timer)
    this.take({ from: 'timer', kind: `${timer}_due` }, random)
  }

  /** The application answers, if it was asked. */
  answer(kind: TokenEvent['kind'], random: number): void {
    if (!this.#isAsking) return
    this.#isAsking = false
    this.#hasToken ||= kind === 'token_ready'
    this.take({ from: 'token', kind }, random)
  }

  happen(socket: SocketId, happening: Happening, random: number): void {
    if (happening.kind === 'opened' && this.#greeted.has(socket)) return
    // A socket that was closed by its other end is not there any more.
    if (happening.kind === 'lost') this.sockets.delete(socket)
    this.take({ from: 'socket', socket, ...happening }, random)
  }

  take(event: ConnectionEvent, random: number): void {
    this.#random = random
    const before = this.state
    this.#isAdvised = before.kind === 'waiting' && this.#wasAdvised
    // The wall clock goes backwards: sessions must not.
    const { state, effects } = step(before, event, { now: this.#now, wallTime: 1_000 - this.#now, random })
    this.state = state
    for (const effect of effects) this.#run(effect, event)
    this.#check(before, event)
  }

  #run(effect: Effect, cause: ConnectionEvent): void {
    switch (effect.kind) {
      case 'open':
        expect(this.#hasToken).toBe(this.#asks)
        expect(effect.socket).toBeGreaterThan(this.newest)
        this.newest = effect.socket
        this.sockets.add(effect.socket)
        break
      case 'close':
        this.sockets.delete(effect.socket)
        break
      case 'greet':
        expect(this.sockets).toContain(effect.socket)
        expect(this.#greeted).not.toContain(effect.socket)
        this.#greeted.add(effect.socket)
        expect(effect.session).toBeGreaterThan(this.#session)
        expect(effect).toMatchObject({ sequence: this.#sequence, returning: this.#wasOnline })
        this.#session = effect.session
        break
      case 'ask':
        expect(this.#asks).toBe(true)
        expect(effect.attempt).toBe(++this.#calls)
        if (effect.reason === 'refused') this.#hasToken = false
        this.#isAsking = true
        break
      case 'show':
        expect(this.#hasToken).toBe(true)
        expect(effect.socket).toBe(this.state.sockets[0])
        break
      case 'refused':
        expect(cause).toMatchObject({ kind: 'lost', code: 4_401 })
        this.#hasToken = false
        break
      case 'send':
        expect(effect.socket).toBe(this.state.sockets[0])
        if (cause.kind === 'probe') this.#checkProbe(ANSWER_DEADLINE_MS)
        break
      case 'arm':
        if (effect.timer === 'retry') this.#checkWait(effect.ms, cause)
        // Once a gateway has taken a token, also one that takes over, calls count anew.
        if (effect.timer === 'renew' && cause.from === 'socket') this.#calls = 0
        this.timers.add(effect.timer)
        break
      case 'disarm':
        this.timers.clear()
        break
      case 'online':
        expect(this.#online).toBe(false)
        this.#online = true
        this.#onlineSince = this.#now
        this.#wasOnline = true
        if (cause.kind === 'welcomed' && this.#sequence === 'new') this.#sequence = cause.frame.sequence
        this.announced.push(effect.kind)
        break
      case 'offline':
        if (cause.kind === 'reconnect_now' && this.#online && this.#now - this.#onlineSince >= STABLE_MS)
          this.#failures = 0
        this.#online = false
        this.announced.push(effect.kind)
        break
      case 'closed':
        expect(this.announced).not.toContain('closed')
        this.#online = false
        this.#isAsking = false
        this.announced.push(effect.kind)
        break
      case 'leaving':
        expect(this.#online).toBe(true)
        break
      case 'frame':
        expect(cause).toMatchObject({ frame: effect.frame })
    }
  }

  /** Probes, however many there are, change something this often at most. */
  #checkProbe(restMs: number): void {
    expect(this.#now - this.#probedAt).toBeGreaterThanOrEqual(restMs)
    this.#probedAt = this.#now
  }

  /** A wait is what the server asked for, or below 100 ms doubled with every failure in a row, at most 10 s. */
  #checkWait(ms: number, cause: ConnectionEvent): void {
    if (this.#online && this.#now - this.#onlineSince >= STABLE_MS) this.#failures = 0
    const isAdvised = cause.kind === 'lost' && cause.reason.startsWith('{')
    this.#wasAdvised = isAdvised || cause.kind === 'drained'
    if (cause.kind === 'drained') expect(ms).toBe(cause.frame.reconnectInMs)
    else if (isAdvised) expect(ms).toBe(JSON.parse(cause.reason).retryAfterMs)
    else expect(ms).toBe(this.#random * Math.min(10_000, 100 * 2 ** this.#failures++))
  }

  #check(before: State, event: ConnectionEvent): void {
    if (event.kind === 'probe' && before.kind === 'waiting' && this.state !== before) {
      expect(this.#isAdvised).toBe(false)
      this.#checkProbe(RETRY_REST_MS)
    }
    const { kind, sockets } = this.state
    const limit = { replacing: 2, handing_over: 2, connecting: 1, online: 1, draining: 1 }[kind as string] ?? 0
    expect([...this.sockets].sort()).toEqual([...sockets].sort())
    expect(sockets).toHaveLength(limit)
    const renews = this.timers.has('renew')
    const others = [...this.timers].filter((timer) => timer !== 'renew')
    expect(others.sort().join()).toBe(
      [...TIMERS[kind]]
        .filter((timer) => timer !== 'renew')
        .sort()
        .join(),
    )
    this.#checkToken(renews)
    expect(STATUS[kind] === 'online').toBe(this.#online)
    if (before.kind === 'closed') expect(this.state).toBe(before)
  }

  /** Where a token is asked for, another one is always on its way or will be asked for. */
  #checkToken(renews: boolean): void {
    const isOnline = STATUS[this.state.kind] === 'online'
    if (!this.#asks || !isOnline) expect(renews).toBe(false)
    else expect(renews || this.#isAsking).toBe(true)
    if (this.state.kind === 'authorizing') expect(this.#isAsking).toBe(true)
  }
}
