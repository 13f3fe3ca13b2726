import type { ServerFrame } from '@tidegate/protocol'
import { welcome } from './welcome.ts'

interface SentFrame {
  readonly type: string
  readonly seq?: number
  readonly id?: string | number
  readonly sub?: number
  readonly token?: string
  readonly ageMs?: number
  readonly epochs?: readonly string[]
}

/** The client's end of a connection to nobody. */
export class TestSocket {
  static opened: TestSocket[] = []
  readonly readyState = 1
  readonly sent: SentFrame[] = []
  /** Closed from either end. */
  isLeft = false
  onopen: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null

  constructor() {
    TestSocket.opened.push(this)
  }

  static get last(): TestSocket {
    return TestSocket.opened.at(-1)!
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }

  close(): void {
    this.isLeft = true
  }

  ofType(type: string): SentFrame[] {
    return this.sent.filter((frame) => frame.type === type)
  }

  receive(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }

  lose(code = 1_006): void {
    this.isLeft = true
    this.onclose!({ code, reason: '' })
  }

  /** The gateway does not take the token. */
  refuse(message: string): void {
    this.receive({ type: 'error', code: 'unauthorized', message, retryable: false })
    this.lose(4_401)
  }

  greet(changes: Parameters<typeof welcome>[0] = {}): void {
    this.onopen!()
    this.receive(welcome(changes))
  }
}
