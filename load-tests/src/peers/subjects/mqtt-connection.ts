import { BINARY, encodeFrame, RawWebSocket } from '../../support/raw-websocket.ts'

/** Kinds of packets of MQTT 3.1.1, the upper half of the first byte. */
const KIND = { connect: 1, connack: 2, publish: 3, puback: 4, subscribe: 8, suback: 9 } as const
const PLACE = { path: '/mqtt', subprotocol: 'mqtt' }
const TOPIC = 'events'
const PACKET_IDS = 65_535

export interface MqttEvents {
  /** An acknowledged packet. */
  readonly onAck?: (packetId: number) => void
  readonly onPublish?: (packet: Buffer) => void
  readonly onEnd?: () => void
}

/** As much of an MQTT client as the benchmark needs, over WebSocket, for one topic. */
export class MqttConnection {
  readonly #socket: RawWebSocket
  readonly #events: MqttEvents
  #rest = Buffer.alloc(0)
  #packetId = 0
  #onAnswer: () => void = () => {}

  constructor(port: number, events: MqttEvents) {
    this.#events = events
    this.#socket = new RawWebSocket(
      port,
      (chunk) => this.#read(chunk),
      () => events.onEnd?.(),
      PLACE,
    )
  }

  /** @param session the name of a session that outlives the connection; absent: it has none */
  async open(session?: string): Promise<void> {
    await this.#socket.open()
    const flags = session === undefined ? 0x02 : 0
    // MQTT, level 4, and no keep-alive.
    const head = [...text('MQTT'), 4, flags, 0, 0]
    await this.#ask(packet(KIND.connect << 4, Buffer.from([...head, ...text(session ?? '')])))
  }

  async subscribe(qos: 0 | 1): Promise<void> {
    const id = this.#nextId()
    await this.#ask(packet((KIND.subscribe << 4) | 0x02, Buffer.from([...idBytes(id), ...text(TOPIC), qos])))
  }

  /** Publishes with QoS 1, all in one message of the WebSocket. @returns the ids by which they are acknowledged */
  publish(payloads: readonly string[]): number[] {
    const ids = payloads.map(() => this.#nextId())
    const packets = payloads.map((payload, i) => {
      const head = Buffer.from([...text(TOPIC), ...idBytes(ids[i]!)])
      return packet((KIND.publish << 4) | 0x02, Buffer.concat([head, Buffer.from(payload)]))
    })
    this.#socket.writeTogether(encodeFrame(Buffer.concat(packets), BINARY).frame)
    return ids
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  get isClosed(): boolean {
    return this.#socket.isClosed
  }

  close(): void {
    this.#socket.close()
  }

  #nextId(): number {
    this.#packetId = (this.#packetId % PACKET_IDS) + 1
    return this.#packetId
  }

  #ask(question: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve
      this.#socket.write(encodeFrame(question, BINARY).frame)
    })
  }

  #read(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (let found = bodyOf(data); found !== undefined; found = bodyOf(data)) {
      this.#receive(data[0]!, data.subarray(found.start, found.end))
      data = data.subarray(found.end)
    }
    this.#rest = Buffer.from(data)
  }

  #receive(first: number, body: Buffer): void {
    switch (first >> 4) {
      case KIND.connack:
      case KIND.suback:
        return this.#onAnswer()
      case KIND.puback:
        return this.#events.onAck?.(body.readUInt16BE(0))
      case KIND.publish: {
        this.#events.onPublish?.(body)
        if ((first & 0x02) === 0) return
        const id = body.subarray(2 + body.readUInt16BE(0), 4 + body.readUInt16BE(0))
        this.#socket.writeTogether(encodeFrame(packet(KIND.puback << 4, id), BINARY).frame)
      }
    }
  }
}

function packet(first: number, body: Buffer): Buffer {
  const length: number[] = []
  for (let left = body.length; ; left >>= 7) {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
    if (left <= 0x7f) break
  }
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

/** Where the body of the first packet lies, once all of it is there. */
function bodyOf(data: Buffer): { readonly start: number; readonly end: number } | undefined {
  let length = 0
  for (let at = 1; at < data.length; at++) {
    length |= (data[at]! & 0x7f) << (7 * (at - 1))
    if (data[at]! < 0x80) return at + 1 + length <= data.length ? { start: at + 1, end: at + 1 + length } : undefined
  }
  return undefined
}

const idBytes = (id: number) => [id >> 8, id & 0xff]
const text = (value: string) => [...idBytes(value.length), ...Buffer.from(value)]
