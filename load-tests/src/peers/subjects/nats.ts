import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimPort } from '../../../../server/src/claim-port.ts'
import { Pending } from '../load/pending.ts'
import { findProgram } from '../place/find-program.ts'
import { Program, versionOf } from '../place/program.ts'
import type { PeerEvent, Publisher, Reader, Subject, Subscriber } from '../subject.ts'
import { NatsConnection, NatsFeed } from './nats-connection.ts'

const STREAM = 'EVENTS'
const SUBJECT = 'events'
const KEPT_EVENTS = 1_000_000
const HOST = '127.0.0.1'

export const nats: Subject = {
  title: 'NATS JetStream over WebSocket',
  ack: { level: 'page cache', words: 'in the file of the stream, in the page cache; on the disk within two minutes' },
  settings: [
    'a stream with storage file and one replica; JetStream of this version syncs its files every two minutes, which no setting changes',
    'publishers ask JetStream for the acknowledgement of each message; the bus test gives each a Nats-Msg-Id, by which JetStream drops doubles for two minutes',
    'subscribers of what is live are core subscriptions, the cheapest that NATS has; one that comes back reads the stream with a consumer',
  ],
  async start() {
    const found = await findProgram('nats-server', ['nats-server'])
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-peers-nats-'))
    const [port, clientPort] = [await claimPort(HOST, 0), await claimPort(HOST, 0)]
    const config = join(folder, 'nats.conf')
    await writeFile(config, configOf(port, clientPort, folder))
    const run = () => Program.start(found, ['-c', config], port)
    let program = await run()
    await createStream(port)
    return {
      port,
      version: await versionOf(found, '--version'),
      pids: async () => [program.pid],
      killBus: () => program.kill(),
      async restoreBus() {
        program = await run()
      },
      async stop() {
        await program.stop()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
  async publish(port, isSentAgain = false) {
    const publisher = new NatsPublisher(port, isSentAgain)
    await publisher.open()
    return publisher
  },
  subscribe: (port, reader) => openFeed(port, reader, `SUB ${SUBJECT} 1\r\n`),
  leave: async (port) => (reader) => readStream(port, reader),
}

function configOf(port: number, clientPort: number, folder: string): string {
  return `host: "${HOST}"
port: ${clientPort}
websocket { host: "${HOST}", port: ${port}, no_tls: true }
jetstream { store_dir: "${folder}" }
`
}

class NatsPublisher implements Publisher {
  readonly #connection: NatsConnection
  readonly #inbox = `_INBOX.${randomUUID()}`
  readonly #pending = new Pending<string>()
  readonly #hasIds: boolean
  #calls = 0

  constructor(port: number, hasIds: boolean) {
    this.#hasIds = hasIds
    this.#connection = new NatsConnection(
      port,
      ({ subject, payload }) => this.#answer(subject, payload),
      () => this.#pending.failAll(new Error('nats-server ended the connection')),
    )
  }

  async open(): Promise<void> {
    await this.#connection.open()
    this.#connection.send(`SUB ${this.#inbox}.* 1\r\n`)
  }

  async publish(events: readonly PeerEvent[]): Promise<void> {
    const replies = events.map(() => `${this.#inbox}.${this.#calls++}`)
    this.#connection.send(events.map((event, i) => this.#command(event, replies[i]!)).join(''))
    await Promise.all(replies.map((reply) => this.#pending.add(reply)))
  }

  get hasEnded(): boolean {
    return this.#connection.isClosed
  }

  close(): void {
    this.#connection.close()
  }

  #command({ n, data }: PeerEvent, reply: string): string {
    if (!this.#hasIds) return `PUB ${SUBJECT} ${reply} ${data.length}\r\n${data}\r\n`
    const headers = `NATS/1.0\r\nNats-Msg-Id: ${n}\r\n\r\n`
    return `HPUB ${SUBJECT} ${reply} ${headers.length} ${headers.length + data.length}\r\n${headers}${data}\r\n`
  }

  #answer(reply: string, payload: string): void {
    if (payload.startsWith('{"stream"')) this.#pending.answer(reply)
    else this.#pending.fail(reply, new Error(payload))
  }
}

async function openFeed(port: number, reader: Reader, commands: string): Promise<Subscriber> {
  const feed = new NatsFeed(
    port,
    (chunk) => reader.receive(chunk),
    () => reader.end?.(),
  )
  await feed.open(commands)
  return feed
}

/** Everything that the stream has, and what follows. */
async function readStream(port: number, reader: Reader): Promise<Subscriber> {
  const deliver = `deliver.${randomUUID()}`
  const feed = await openFeed(port, reader, `SUB ${deliver} 1\r\n`)
  await request(port, `$JS.API.CONSUMER.CREATE.${STREAM}`, {
    stream_name: STREAM,
    config: { deliver_subject: deliver, deliver_policy: 'all', ack_policy: 'none', replay_policy: 'instant' },
  })
  return feed
}

async function createStream(port: number): Promise<void> {
  await request(port, `$JS.API.STREAM.CREATE.${STREAM}`, {
    name: STREAM,
    subjects: [SUBJECT],
    storage: 'file',
    num_replicas: 1,
    max_msgs: KEPT_EVENTS,
    duplicate_window: 120_000_000_000,
  })
}

/** Asks the API of JetStream. @throws with its error */
async function request(port: number, subject: string, body: object): Promise<void> {
  const inbox = `_INBOX.${randomUUID()}`
  let onAnswer: (answer: string) => void = () => {}
  const connection = new NatsConnection(port, ({ payload }) => onAnswer(payload))
  await connection.open()
  const text = JSON.stringify(body)
  const answer = await new Promise<string>((resolve) => {
    onAnswer = resolve
    connection.send(`SUB ${inbox} 1\r\nPUB ${subject} ${inbox} ${text.length}\r\n${text}\r\n`)
  })
  connection.close()
  if (!answer.startsWith('{') || 'error' in JSON.parse(answer)) throw new Error(`${subject}: ${answer}`)
}
