import { createRandom } from '../support/random.ts'
import { ClientTimers } from './client-timers.ts'
import { play } from './play.ts'
import { Player, type PlayerOptions } from './player.ts'
import { readLog } from './read-log.ts'
import { randomStep } from './steps.ts'

export interface DisconnectOptions extends Omit<PlayerOptions, 'name'> {
  readonly partitions: number
  readonly seed: number
  /** Of all clients together. */
  readonly disconnects: number
  readonly clients: number
  readonly onProgress?: (disconnects: number) => void
}

export interface DisconnectReport {
  readonly seed: number
  readonly disconnects: number
  readonly published: number
  readonly acked: number
  readonly refused: number
  readonly stored: number
  readonly delivered: number
  readonly subscriptions: number
  /** Timers of clients that still run after their `close`. */
  readonly timersLeft: number
  readonly faults: readonly string[]
}

const PROGRESS = 1_000

/**
 * Clients publish and subscribe while their connections break, lag and drain, and their frames are refused. Then
 * everything works again, they are closed, and what they were promised is compared with the log.
 */
export async function runDisconnects(options: DisconnectOptions): Promise<DisconnectReport> {
  const { seed, clients, disconnects, partitions, onProgress, ...server } = options
  const timers = new ClientTimers()
  const players = Array.from({ length: clients }, (_, i) => new Player({ ...server, name: `p${seed + i}` }))
  const faults: string[] = []
  let told = 0
  const total = () => players.reduce((sum, player) => sum + player.disconnects, 0)
  await Promise.all(
    players.map(async (player, i) => {
      const random = createRandom(seed + i)
      while (player.disconnects < disconnects / clients) {
        await play(player, randomStep(random))
        if (total() < told + PROGRESS) continue
        told += PROGRESS
        onProgress?.(told)
      }
      const own = [...(await player.settle()), ...(await player.close())]
      faults.push(...own.map((fault) => `seed ${seed + i}: ${fault}`))
    }),
  )
  const log = await readLog(server, partitions)
  players.forEach((player, i) => {
    faults.push(...player.faults(log).map((fault) => `seed ${seed + i}: ${fault}`))
  })
  timers.end()
  const timersLeft = timers.running
  faults.push(...timersLeft.map((place) => `a timer is left that was started ${place}`))
  const published = players.flatMap((player) => player.published)
  const watches = players.flatMap((player) => player.watches)
  return {
    ...{ seed, disconnects: total(), published: published.length, subscriptions: watches.length, faults },
    acked: published.filter(({ fate }) => fate === 'acked').length,
    refused: published.filter(({ fate }) => fate !== 'acked').length,
    stored: [...log.values()].reduce((sum, ids) => sum + ids.length, 0),
    delivered: watches.flatMap(({ seen }) => [...seen.values()]).reduce((sum, ids) => sum + ids.length, 0),
    timersLeft: timersLeft.length,
  }
}
