import { compareStreamIds } from '@tidegate/protocol'
import { LOG_START } from '../bus/index.ts'
import type { Command } from '../entities/index.ts'

/** A command and where it lies in the log of commands. */
export interface PlacedCommand {
  readonly command: Command
  readonly offset: string
}

/** Where a command lies in the log of commands: a commit may end between two commands of a record batch. */
export function commandOffset(streamId: string, index: number): string {
  return `${streamId}.${index}`
}

/** From where on to read, exclusive, so that what is left of a record batch is read again. */
export function commandCursor(offset: string | undefined): string {
  if (offset === undefined) return LOG_START
  const [time, sequence] = offset.slice(0, offset.indexOf('.')).split('-') as [string, string]
  // The id before it; of the first one of a millisecond the last that the one before may have.
  if (sequence !== '0') return `${time}-${BigInt(sequence) - 1n}`
  return `${BigInt(time) - 1n}-${LAST_SEQUENCE}`
}

/** Of Redis' stream ids: 2^64 - 1. */
const LAST_SEQUENCE = '18446744073709551615'

/** How many commands of a record batch are folded by then. */
export function foldedOf(streamId: string, offset: string | undefined): number {
  if (offset === undefined) return 0
  const dot = offset.indexOf('.')
  const order = compareStreamIds(streamId, offset.slice(0, dot))
  if (order < 0) return Number.POSITIVE_INFINITY
  return order === 0 ? Number(offset.slice(dot + 1)) + 1 : 0
}
