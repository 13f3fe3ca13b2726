import { SUBPROTOCOL } from '@tidegate/protocol'
import { greeted, HostilePeer, HostileSocket } from '../hostile-socket.ts'
import { type Attack, type Battlefield, inLanes, pause, untilEnd } from '../scenario.ts'

const MANY = 3_000
/** Opened at once: more would only wait in the queue of the kernel. */
const AT_ONCE = 100

async function openMany<T>(count: number, { until, keepPace }: Battlefield, open: () => Promise<T> | T): Promise<T[]> {
  const opened: T[] = []
  let left = count
  const lane = async () => {
    while (left-- > 0 && performance.now() < until) {
      await keepPace()
      try {
        opened.push(await open())
      } catch {
        await pause(20)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return opened
}

const slowly =
  (head: string, part: string): Attack['run'] =>
  async (field) => {
    const peers = await openMany(500, field, () => new HostilePeer(field.port, head))
    const written = await inLanes(1, field, async () => {
      for (const peer of peers) if (!peer.isClosed) await peer.write(part)
      await pause(200)
    })
    const open = peers.filter(({ isClosed }) => !isClosed).length
    for (const peer of peers) peer.close()
    return `${peers.length} connections, ${written} rounds, ${open} open at the end`
  }

export const CONNECTION_ATTACKS: readonly Attack[] = [
  {
    name: 'slow-headers',
    about: '500 connections send a header line now and then, and never the end of the head',
    run: slowly('GET / HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'),
  },
  {
    name: 'slow-bodies',
    about: '500 requests send their body byte by byte',
    run: slowly('POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', '['),
  },
  {
    name: 'endless-chunks',
    about: '20 requests send chunks without an end',
    async run(field) {
      const head = 'POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
      const chunk = Buffer.from(`10000\r\n${' '.repeat(65_536)}\r\n`)
      let chunks = 0
      const requests = await inLanes(20, field, async () => {
        const peer = new HostilePeer(field.port, head)
        try {
          while (performance.now() < field.until) {
            await field.keepPace()
            await peer.write(chunk)
            chunks++
          }
        } catch {
          // Cut off: the next one.
        }
        peer.close()
      })
      return `${requests} requests, ${chunks} chunks of 64 KiB`
    },
  },
  {
    name: 'silent-sockets',
    about: `${MANY} connections and sockets say nothing, or hello and no more`,
    async run(field) {
      const peers = await openMany(MANY / 3, field, () => new HostilePeer(field.port))
      const sockets = await openMany(MANY / 3, field, () => HostileSocket.open(field.port))
      const clients = await openMany(MANY / 3, field, () => greeted(field.port))
      await untilEnd(field)
      const all = [...peers, ...sockets, ...clients]
      const open = all.filter(({ isClosed }) => !isClosed).length
      for (const each of all) each.close()
      return `${all.length} opened, ${open} open at the end`
    },
  },
  {
    name: 'connect-churn',
    about: '50 clients connect, say hello and leave, over and over',
    async run(field) {
      const times = await inLanes(50, field, async () => (await greeted(field.port)).close())
      return `${times} connections`
    },
  },
  {
    name: 'giant-frames',
    about: '20 sockets send a frame of 2 MiB each, in fragments, and never its end',
    async run(field) {
      const first = Buffer.from([0x01, 0xfe, 0xff, 0xff, 0, 0, 0, 0])
      const next = Buffer.from([0x00, 0xfe, 0xff, 0xff, 0, 0, 0, 0])
      const part = Buffer.alloc(65_535, 0x20)
      let parts = 0
      const sockets = await inLanes(20, field, async () => {
        const socket = await greeted(field.port)
        try {
          for (let i = 0; performance.now() < field.until; i++) {
            // 31 fragments fit into the largest frame; then it waits for ever.
            if (i < 31) await socket.write(Buffer.concat([i === 0 ? first : next, part]))
            else await pause(50)
            if (i < 31) parts++
          }
        } finally {
          socket.close()
        }
      })
      return `${sockets} sockets, ${parts} fragments of 64 KiB`
    },
  },
  {
    name: 'streams',
    about: '2,000 event streams, of which nothing is read',
    async run(field) {
      const head = 'GET /v1/stream?topic=hostile.load HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n'
      const peers = await openMany(2_000, field, () => {
        const peer = new HostilePeer(field.port, head)
        peer.socket.pause()
        return pause(1).then(() => peer)
      })
      await untilEnd(field)
      for (const peer of peers) peer.close()
      return `${peers.length} streams`
    },
  },
  {
    name: 'requests',
    about: 'requests without waiting for their answers, in 20 connections',
    async run(field) {
      // Half of them under a name that the gateway does not know.
      const batch = ['x', '127.0.0.1']
        .map((host) => `GET /v1/topics HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        .join('')
        .repeat(100)
      const peers = new Map<number, HostilePeer>()
      const batches = await inLanes(20, field, async (lane) => {
        let peer = peers.get(lane)
        if (peer === undefined || peer.isClosed) {
          peer = new HostilePeer(field.port)
          peers.set(lane, peer)
        }
        await peer.write(batch)
      })
      for (const peer of peers.values()) peer.close()
      return `${200 * batches} requests`
    },
  },
  {
    name: 'tiny-chunks',
    about: '20 requests send chunks of one byte without an end',
    async run(field) {
      const head = 'POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
      const chunks = Buffer.from('1\r\n[\r\n'.repeat(10_000))
      let sent = 0
      const requests = await inLanes(20, field, async () => {
        const peer = new HostilePeer(field.port, head)
        try {
          while (performance.now() < field.until) {
            await field.keepPace()
            await peer.write(chunks)
            sent += 10_000
          }
        } catch {
          // Cut off: the next one.
        }
        peer.close()
      })
      return `${requests} requests, ${sent} chunks of a byte`
    },
  },
  {
    name: 'broken-handshakes',
    about: 'handshakes that are refused, one after the other in 20 connections',
    async run(field) {
      const text =
        `GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Protocol: not-${SUBPROTOCOL}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
      const times = await inLanes(20, field, async () => {
        const peer = new HostilePeer(field.port)
        for (let i = 0; i < 100; i++) await peer.write(text)
        await pause(5)
        peer.close()
      })
      return `${100 * times} handshakes`
    },
  },
]
