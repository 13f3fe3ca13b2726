import type { Place } from './connector.ts'

/** The Redis that a connection is to lead to: the one that serves a slot, wherever that moves, or a node by its name. */
export type Target = { readonly slot: number } | { readonly node: string }

/** Where a Redis is. */
export interface Destination {
  /** Name of the node; '' where there is one Redis. */
  readonly node: string
  readonly place: Place
  /** Of two answers to one question the one with the higher number is up to date. */
  readonly epoch: number
}

/** Knows where each Redis of an address is. */
export interface Guide {
  /** Whether it may be elsewhere later. */
  readonly isWatched: boolean
  /** Why a replica that it has led to is not used. */
  readonly replicaFault: string
  /** @throws NoMaster */
  find(target: Target): Promise<Destination>
  /** Asks who knows, whoever that is. @throws NoMaster */
  look(): Promise<void>
  /** Whether a connection to a destination leads to the wrong Redis by now, as far as is known. */
  isLeft(target: Target, destination: Destination): boolean
  /** The master of a slot by its name, '' where there is one Redis; `undefined` where none is known. */
  nodeOf(slot: number): string | undefined
  /** Learns what an answer says of a slot. @returns whether that is new */
  learn(error: Error): boolean
  /** The next question opens the connections anew. */
  close(): void
}
