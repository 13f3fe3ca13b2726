import { randomBytes, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { encodeFrame } from './raw-websocket.ts'

/** Set for the clients of a run in which the gateway asks who they are. */
const TOKEN = 'TIDEGATE_BENCH_TOKEN'

/** All clients are one caller, who sends as much as the machine has. */
const UNLIMITED = [
  'connections',
  'frames',
  'bytes',
  'starts',
  'reads',
  'work',
  'events',
  'keys',
  'subscriptions',
  'subscriptionBytes',
]

/** The environment of gateways that ask for tokens, and of clients that have one. */
export async function tokenEnvironment(): Promise<Readonly<Record<string, string>>> {
  const secret = randomBytes(32).toString('hex')
  const every = ['>']
  const token = await new SignJWT({
    sub: randomUUID(),
    tidegate: { publish: every, subscribe: every, query: every, command: every },
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(Buffer.from(secret))
  return {
    TIDEGATE_JWT_SECRET: secret,
    TIDEGATE_LIMITS: UNLIMITED.map((quantity) => `caller.${quantity}=off`).join(),
    [TOKEN]: token,
  }
}

/** The first frame of a client, encoded, with a token where the run has one. */
export function helloFrame(fields: object = {}): Buffer {
  const token = process.env[TOKEN]
  const hello = { type: 'hello', protocol: 1, client: 'bench', ...(token !== undefined && { token }), ...fields }
  return encodeFrame(Buffer.from(JSON.stringify(hello))).frame
}
