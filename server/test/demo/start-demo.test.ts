import { type ClientFrame, DEFAULTS, LIMITS, PROTOCOL_VERSION, type ServerFrame, SUBPROTOCOL } from '@tidegate/protocol'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { systemClock } from '../../src/clock.ts'
import { startDemo } from '../../src/demo/start-demo.ts'

type PublishFrame = Extract<ClientFrame, { type: 'publish' }>
type CommandFrame = Extract<ClientFrame, { type: 'command' }>

let stop: (() => void) | undefined

afterEach(() => stop?.())

/** A server that welcomes everybody, acknowledges everything, and rejects every command. */
async function acknowledgingServer() {
  const published: PublishFrame[] = []
  const commands: CommandFrame[] = []
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL })
  stop = () => server.close()
  server.on('connection', (socket) => {
    const send = (frame: ServerFrame) => socket.send(JSON.stringify(frame))
    socket.on('message', (text) => {
      const frame = JSON.parse(String(text)) as ClientFrame
      if (frame.type === 'hello') send(welcome)
      if (frame.type === 'command') {
        commands.push(frame)
        send({ type: 'answer', id: frame.id, status: 'rejected', code: 'user_already_exists', message: 'no' })
      }
      if (frame.type === 'publish') {
        published.push(frame)
        send({ type: 'ack', seq: frame.seq, at: ['0@1/1-0.0'] })
      }
    })
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  return { url: `ws://127.0.0.1:${port}`, published, commands, clients: server.clients }
}

const welcome: ServerFrame = {
  type: 'welcome',
  protocol: PROTOCOL_VERSION,
  session: 's-1',
  node: 'test',
  contract: '0',
  time: Date.now(),
  publish: { frames: DEFAULTS.publishFrames, bytes: DEFAULTS.publishBytes },
  limits: { frameBytes: LIMITS.frameBytes, frameEvents: LIMITS.frameEvents },
  pingMs: DEFAULTS.pingMs,
}

test('K-DEMO-6 demo - publishes and sends commands through the SDK over WebSocket until it is closed', async () => {
  const onError = vi.fn()
  const { url, published, commands, clients } = await acknowledgingServer()
  const demo = startDemo({ url, seed: 1, clock: systemClock, onError })
  const isBusy = () => new Set(published.map((frame) => frame.topic)).size >= 3 && commands.length > 0
  await vi.waitUntil(isBusy, { timeout: 15_000 })
  await demo.close({ deadlineMs: 2_000 })
  await vi.waitUntil(() => clients.size === 0, { timeout: 2_000 })
  expect(onError).not.toHaveBeenCalled()
  const [first] = published.filter((frame) => frame.topic === 'sensor.reading')
  expect(first!.events[0]).toMatchObject({
    id: expect.any(String),
    time: expect.any(Number),
    data: { humidity: expect.any(Number) },
  })
  expect(Math.abs(first!.events[0]!.time! - Date.now())).toBeLessThan(20_000)
})
