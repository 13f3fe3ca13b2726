import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionFault, connectionFault } from '../connection-fault.ts'
import { BusUnavailable, BusUnreachable } from '../errors.ts'
import { CONTROL_KEYS, keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import { slotOf } from '../redis/hash-slot.ts'
import { type Route, routeTo, UNSERVED } from '../route/index.ts'
import { Channel } from './channel.ts'
import type { BusClass } from './guard.ts'
import { type ChannelName, Node, type NodeSettings } from './node.ts'

/** How often to ask at a start for the nodes of a cluster that is not there yet. */
const ASK_EVERY_MS = 200
/** How soon a call is made again while its slot is on its way to another node. */
const ON_ITS_WAY_MS = 20
/** When to try again where no node serves a slot. */
const UNSERVED_RETRY_MS = 500
/** A node that serves nothing of ours any more has this long to answer what it was asked. */
const LEAVE_MS = 6_000

/** The Redis of an address: one, or the masters of a cluster that hold something of ours. */
export class Nodes {
  readonly #settings: NodeSettings
  readonly #route: Route
  readonly #nodes = new Map<string, Node>()
  /** Keys of which each node that we use holds one. */
  #held: readonly { readonly key: string; readonly slot: number }[] = []
  readonly #leaving = new Map<NodeJS.Timeout, Node>()
  readonly #stopFollowing: () => void
  /** What is done to each node that comes. */
  readonly #onOpened: ((node: Node) => Promise<void>)[] = []

  constructor(settings: NodeSettings) {
    this.#settings = settings
    this.#route = routeTo(settings.url)
    this.#hold(CONTROL_KEYS)
    this.#stopFollowing = this.#route.onMove(() => this.#follow())
  }

  /** Connects to those that hold what belongs to no partition. @throws BusUnreachable */
  async open(deadlineMs: number): Promise<void> {
    await this.#untilReady(deadlineMs)
  }

  /** Connects to those that hold partitions, too. @throws BusUnreachable */
  async serve(partitions: number, deadlineMs: number): Promise<void> {
    this.#holdPartitions(partitions)
    await this.#untilReady(deadlineMs)
  }

  /**
   * The same for commands that show what there is: one that does not answer in time is left out, unless none does.
   *
   * @param faults those that are known not to answer, and why; others are added @throws BusUnreachable
   */
  async reach(deadlineMs: number, faults: Map<Node, string>, partitions = 0): Promise<void> {
    const until = performance.now() + deadlineMs
    this.#holdPartitions(partitions)
    await this.#untilKnown(deadlineMs)
    const asked = this.all.filter((node) => !faults.has(node))
    const leftMs = Math.max(1, Math.ceil(until - performance.now()))
    const errors = await Promise.all(asked.map((node) => node.untilReady(leftMs).catch((error: Error) => error)))
    for (const [i, error] of errors.entries()) if (error instanceof Error) faults.set(asked[i]!, error.message)
    const first = errors.find((error) => error instanceof Error)
    if (first !== undefined && faults.size === this.all.length) throw first
  }

  /** Where a key lies. @throws BusUnavailable where no node is known to serve its slot */
  at(slot: number): Node {
    const name = this.#route.nodeOf(slot)
    if (name !== undefined) return this.#nodes.get(name) ?? this.#open(name)
    throw new BusUnavailable('not_sent', UNSERVED_RETRY_MS, UNSERVED)
  }

  atKey(key: string): Node {
    return this.at(slotOf(key))
  }

  /** Calls about a key, and all that share its slot. */
  channel(key: string, name: ChannelName): Channel {
    const slot = slotOf(key)
    return new Channel({
      line: () => this.at(slot).line(name),
      follow: (error) => this.#answered(slot, name, error),
    })
  }

  get isCluster(): boolean {
    return this.#route.isCluster
  }

  /** The node that a connection leads to; `undefined` while it leads to none that is used. */
  of({ stream }: Redis): Node | undefined {
    const name = this.#route.nodeAt(stream)
    return name === undefined ? undefined : this.#nodes.get(name)
  }

  /** Partitions, by the nodes that hold them; without those that none serves. */
  byNode(partitions: number): Map<Node, number[]> {
    const found = new Map<Node, number[]>()
    for (let partition = 0; partition < partitions; partition++) {
      const slot = slotOf(keys.meta(partition))
      if (this.#route.nodeOf(slot) === undefined) continue
      const node = this.at(slot)
      const others = found.get(node)
      if (others === undefined) found.set(node, [partition])
      else others.push(partition)
    }
    return found
  }

  get all(): readonly Node[] {
    return [...this.#nodes.values()]
  }

  /** Does something to each node that is there, which is awaited, and to each that comes later. */
  async eachOpened(act: (node: Node) => Promise<void>): Promise<void> {
    this.#onOpened.push(act)
    await Promise.all(this.all.map(act))
  }

  /** Follows an answer that something is elsewhere. */
  learn(error: Error): void {
    this.#route.learn(error)
  }

  close(): void {
    this.#stopFollowing()
    for (const [timer, node] of this.#leaving) {
      clearTimeout(timer)
      node.close()
    }
    for (const node of this.#nodes.values()) node.close()
  }

  #holdPartitions(partitions: number): void {
    this.#hold([...Array.from({ length: partitions }, (_, partition) => keys.meta(partition)), ...CONTROL_KEYS])
  }

  #hold(held: readonly string[]): void {
    this.#held = held.map((key) => ({ key, slot: slotOf(key) }))
    this.#follow()
  }

  /** The nodes that hold something of ours, no more and no fewer. */
  #follow(): void {
    const names = new Set(this.#held.map(({ slot }) => this.#route.nodeOf(slot)))
    for (const name of names) if (name !== undefined && !this.#nodes.has(name)) this.#open(name)
    for (const [name, node] of this.#nodes) {
      if (names.has(name)) continue
      this.#nodes.delete(name)
      const timer = setTimeout(() => {
        this.#leaving.delete(timer)
        node.close()
      }, LEAVE_MS)
      this.#leaving.set(timer, node)
    }
  }

  #open(name: string): Node {
    const node = new Node(name, this.#settings, (busClass) => this.#probedAt(name, busClass))
    this.#nodes.set(name, node)
    for (const act of this.#onOpened) act(node).catch(() => {})
    return node
  }

  /** Probes write beside what a node holds: any other key might lie elsewhere. */
  #probedAt(name: string, busClass: BusClass): string {
    const held = this.#held.find(({ slot }) => this.#route.nodeOf(slot) === name) ?? this.#held[0]!
    return keys.probe(busClass, held.key)
  }

  async #answered(slot: number, channel: ChannelName, error: Error): Promise<void> {
    this.#route.learn(error)
    if (!error.message.startsWith('MOVED')) await sleep(ON_ITS_WAY_MS)
    else await this.at(slot).line(channel).opening
  }

  async #untilReady(deadlineMs: number): Promise<void> {
    const until = performance.now() + deadlineMs
    await this.#untilKnown(deadlineMs)
    const leftMs = Math.max(1, Math.ceil(until - performance.now()))
    await Promise.all(this.all.map((node) => node.untilReady(leftMs)))
  }

  async #untilKnown(deadlineMs: number): Promise<void> {
    const until = performance.now() + deadlineMs
    for (let fault = await this.#fault(); fault !== undefined; fault = await this.#fault()) {
      const { why, isFinal } = fault
      if (isFinal) throw new BusUnreachable(`Redis cannot be used: ${why}`)
      if (performance.now() > until) throw new BusUnreachable(`Redis was not reachable within ${deadlineMs} ms: ${why}`)
      await sleep(ASK_EVERY_MS)
    }
  }

  /** Why it is not known where everything of ours is. */
  async #fault(): Promise<ConnectionFault | undefined> {
    const isKnown = () => this.#held.every(({ slot }) => this.#route.nodeOf(slot) !== undefined)
    if (isKnown()) return undefined
    try {
      await this.#route.look()
      return isKnown() ? undefined : { why: UNSERVED, isFinal: false }
    } catch (error) {
      return connectionFault(error as Error)
    }
  }
}
