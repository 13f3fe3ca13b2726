import type { Reading } from './reading.ts'

/** One client library on one connection, with what this benchmark does with it. */
export interface MeasuredClient {
  /** Resolves when the server has acknowledged all of them. */
  publish(readings: readonly Reading[]): Promise<unknown>
  /** Resolves when the server has granted it. */
  subscribe(receive: (reading: Reading) => void): Promise<unknown>
  close(): void
}

export type ClientName = 'ws' | 'tidegate' | 'socketIo' | 'centrifuge'

/** On one port of this machine. */
export type Connect = (port: number) => Promise<MeasuredClient>
