import { LIMITS } from '@tidegate/protocol'
import { greeted, type HostileSocket } from '../hostile-socket.ts'
import { type Attack, type Battlefield, inLanes, untilEnd } from '../scenario.ts'

const LANES = 8

/** Sockets that flood with frames, and come back when they are closed. */
async function flood(field: Battlefield, frameOf: (i: number) => object, hello: object = {}): Promise<string> {
  const sockets = new Map<number, HostileSocket>()
  let frames = 0
  let connections = 0
  await inLanes(LANES, field, async (lane) => {
    let socket = sockets.get(lane)
    if (socket === undefined || socket.isClosed) {
      socket = await greeted(field.port, hello)
      sockets.set(lane, socket)
      connections++
    }
    frames += await socket.flood(frameOf)
  })
  for (const socket of sockets.values()) socket.close()
  return `${frames} frames in ${connections} connections`
}

const flooding = (name: string, about: string, frameOf: (i: number) => object, hello?: object): Attack => ({
  name,
  about,
  run: (field) => flood(field, frameOf, hello),
})

const topic = 'hostile.load'
const slowFilter = (i: number) =>
  Array.from({ length: LIMITS.filterTerms }, (_, term) => `data.value != ${i * LIMITS.filterTerms + term}`).join(' && ')

export const FRAME_ATTACKS: readonly Attack[] = [
  flooding('pings', 'a flood of pong frames', (i) => ({ type: 'pong', time: i })),
  flooding('queries', 'a flood of history queries', (i) => ({
    type: 'query',
    id: i,
    name: 'history',
    params: { topic },
  })),
  flooding('windows', 'a flood of queries of all results of a window', (i) => ({
    type: 'query',
    id: i,
    name: 'window',
    params: { name: 'hostile.totals' },
  })),
  flooding('subscribe-churn', 'subscribes and unsubscribes, some 100,000', (i) =>
    i % 2 === 0 ? { type: 'subscribe', sub: 1, topic } : { type: 'unsubscribe', sub: 1 },
  ),
  flooding('many-keys', 'subscriptions of 1,000 keys each', (i) => ({
    type: 'subscribe',
    sub: i,
    topic,
    keys: Array.from({ length: LIMITS.subscriptionKeys }, (_, key) => `${i}-${key}`.padEnd(100, 'k')),
  })),
  flooding('snapshots', 'a flood of subscriptions with snapshots', (i) =>
    i % 2 === 0
      ? { type: 'subscribe', sub: 1, topic: 'hostile.totals', snapshot: true }
      : { type: 'unsubscribe', sub: 1 },
  ),
  flooding(
    'publish-flood',
    'publishes without waiting for their acknowledgements, of ever new producers',
    (i) => ({ type: 'publish', seq: i, topic: 'hostile.noise', events: [{ data: { key: `k${i}`, value: i } }] }),
    { producer: 'flood', session: 1, sequence: 'new' },
  ),
  flooding('garbage', 'frames that are refused', (i) => ({ type: 'subscribe', sub: i, topic: 'NO SUCH', keys: 7 })),
  {
    name: 'slow-filters',
    about: '40 clients with 64 subscriptions of 32 conditions each, all different',
    async run(field) {
      const sockets: HostileSocket[] = []
      await Promise.all(
        Array.from({ length: 40 }, async (_, client) => {
          const socket = await greeted(field.port)
          sockets.push(socket)
          await field.keepPace()
          for (let sub = 0; sub < LIMITS.subscriptions; sub++) {
            socket.send({ type: 'subscribe', sub, topic, where: slowFilter(client * LIMITS.subscriptions + sub) })
          }
        }),
      )
      await untilEnd(field)
      for (const socket of sockets) socket.close()
      return `${sockets.length * LIMITS.subscriptions} subscriptions asked for`
    },
  },
  {
    name: 'never-readers',
    about: '200 subscribers with the largest window that read nothing',
    async run(field) {
      const sockets: HostileSocket[] = []
      await Promise.all(
        Array.from({ length: 200 }, async () => {
          const socket = await greeted(field.port, { windowBytes: LIMITS.maxWindowBytes })
          sockets.push(socket)
          socket.pause()
          await field.keepPace()
          for (let sub = 0; sub < 8; sub++) socket.send({ type: 'subscribe', sub, topic, from: 'earliest' })
        }),
      )
      await untilEnd(field)
      for (const socket of sockets) socket.close()
      return `${sockets.length} readers`
    },
  },
]
