import { randomUUID } from 'node:crypto'
import { Pending } from '../load/pending.ts'
import { HOST, type Places, startConfigured } from '../place/configured-server.ts'
import type { PeerEvent, Publisher, Reader, Subject, Subscriber } from '../subject.ts'
import { NatsConnection, NatsFeed } from './nats-connection.ts'

const STREAM = 'EVENTS'
const SUBJECT = 'events'
const KEPT_EVENTS = 1_000_000

export const nats: Subject = {
  title: 'NATS JetStream over WebSocket',
  ack: { level: 'page cache', words: 'in the file of the stream, in the page cache; on the disk within two minutes' },
  settings: [
    'a stream with storage file and one replica; JetStream of this version syncs its files every two minutes, which no setting changes',
    'publishers ask JetStream for the acknowledgement of each message; the bus test gives each a Nats-Msg-Id, by which JetStream drops doubles for two minutes',
    'subscribers of what is live are core subscriptions, the cheapest that NATS has; one that comes back reads the stream with a consumer',
  ],
  async start() {
    const server = await startConfigured('nats-server', '--version', configOf)
    await createStream(server.port)
    return server
  },
  async publish(port, isSentAgain = false) {
    const publisher = new NatsPublisher(port, isSentAgain)
    await publisher.open()
    return publisher
  },
  subscribe: (port, reader) => openFeed(port, reader, `SUB ${SUBJECT} 1\r\n`),
  leave: async (port) => (reader) => readStream(port, reader),
}

function configOf({ port, plainPort, folder }: Places): string {
  return `host: "${HOST}"
port: ${plainPort}
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
