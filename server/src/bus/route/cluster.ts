import { type ClusterAddress, type HostAndPort, placeName } from '../../redis-address.ts'
import { NoMaster } from '../errors.ts'
import { askAll } from './ask-all.ts'
import type { Destination, Guide, Target } from './guide.ts'
import { Informant } from './informant.ts'
import { type KnownFaults, noAnswer } from './no-answer.ts'
import { SlotMap, type SlotRange } from './slot-map.ts'

/** Nodes that are asked at a time: each knows all, and the others are asked in case that one is cut off. */
const MOST_ASKED = 12

const FAULTS: KnownFaults = [
  [
    /cluster support disabled|unknown command/,
    'what REDIS_URL names as a node of a cluster is none; is it redis:// or redis+sentinel://?',
  ],
  [/NOAUTH|Authentication required/, 'the cluster asks for a password, and REDIS_URL has none'],
  [/WRONGPASS|invalid password|invalid username-password/, 'the cluster refuses the user or password of REDIS_URL'],
  [/NOPERM/, 'the user of REDIS_URL may not run what docs/cluster.md says'],
]

/** Some slot is without a master. */
export const UNSERVED = 'a part of the slots of the cluster is served by no node; look at `redis-cli --cluster check`'

/** `[from, to, [host or null, port, id, ...], replicas...]` */
type SlotsReply = readonly (readonly [number, number, readonly [string | null, number, string]])[]

/** The masters of a cluster. They lead to the one that serves a slot. */
export class Cluster implements Guide {
  readonly isWatched = true
  readonly replicaFault = 'the node of the cluster is a replica by now'
  readonly #address: ClusterAddress
  readonly #map = new SlotMap()
  readonly #informants = new Map<string, Informant>()
  #asked: Promise<void> | undefined

  constructor(address: ClusterAddress) {
    this.#address = address
  }

  /** While no node answers each slot stays where it is. @throws NoMaster */
  async find(target: Target): Promise<Destination> {
    await this.look().catch((error) => {
      if (this.#map.nodes().length === 0) throw error
    })
    const node = 'node' in target ? target.node : this.#map.nodeOf(target.slot)
    if (node === undefined) throw new NoMaster(UNSERVED, false)
    return { node, place: this.#placeOf(node), epoch: 0 }
  }

  /** Callers of one moment share the question. @throws NoMaster */
  look(): Promise<void> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined
    })
    return this.#asked
  }

  isLeft(target: Target, { node }: Destination): boolean {
    const now = 'node' in target ? target.node : this.#map.nodeOf(target.slot)
    return now !== undefined && now !== node
  }

  nodeOf(slot: number): string | undefined {
    return this.#map.nodeOf(slot)
  }

  /** `MOVED <slot> <host:port>`. One without a host means the node that says it, which is asked soon anyway. */
  learn({ message }: Error): boolean {
    const [, slot, node] = /^MOVED (\d+) (\S+)$/.exec(message) ?? []
    return node !== undefined && !node.startsWith(':') && this.#map.moved(Number(slot), node)
  }

  close(): void {
    for (const informant of this.#informants.values()) informant.close()
    this.#informants.clear()
  }

  async #ask(): Promise<void> {
    const { answers, errors } = await askAll(this.#whoKnows().map((informant) => this.#rangesBy(informant)))
    if (answers === undefined) throw noAnswer('no node of the cluster', errors, FAULTS)
    for (const ranges of answers) this.#map.merge(ranges)
  }

  /** The masters, and who is named in the address: all masters may have been replaced. */
  #whoKnows(): Informant[] {
    const places = [...this.#address.seeds, ...this.#map.nodes().map((node) => this.#placeOf(node))]
    const asked = new Map(places.map((place) => [placeName(place), place]))
    for (const [name, informant] of this.#informants) {
      if (asked.has(name)) continue
      informant.close()
      this.#informants.delete(name)
    }
    return [...asked].slice(0, MOST_ASKED).map(([name, place]) => {
      const informant = this.#informants.get(name) ?? new Informant(place, this.#address)
      this.#informants.set(name, informant)
      return informant
    })
  }

  /** The first answer knows where masters are reached, by name or by number as they prefer; the second their epochs. */
  #rangesBy(informant: Informant): Promise<readonly SlotRange[]> {
    return informant.ask(async (redis) => {
      const [slots, nodes] = (await Promise.all([redis.call('CLUSTER', 'SLOTS'), redis.call('CLUSTER', 'NODES')])) as [
        SlotsReply,
        string,
      ]
      const epochs = epochsIn(nodes)
      return slots.map(([from, to, [host, port, id]]) => ({
        from,
        to,
        node: placeName({ host: host || informant.at.host, port }),
        epoch: epochs.get(id) ?? 0,
      }))
    })
  }

  #placeOf(node: string): HostAndPort {
    const colon = node.lastIndexOf(':')
    return this.#address.nat.get(node) ?? { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) }
  }
}

/** `<id> <address> <flags> <master> <ping sent> <pong received> <configuration epoch> ...` */
function epochsIn(nodes: string): Map<string, number> {
  return new Map(
    nodes
      .split('\n')
      .map((line) => line.split(' '))
      .filter((fields) => fields.length > 6)
      .map((fields) => [fields[0]!, Number(fields[6])]),
  )
}
