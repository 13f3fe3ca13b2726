import { randomBytes, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { encodeFrame } from './raw-websocket.ts'

/** Set for the clients of a run in which the gateway asks who they are. */
const TOKEN = 'TIDEGATE_BENCH_TOKEN'

/** All clients are one caller, who sends as much as the machine has. */
const UNLIMITED = ['connections', 'frames', 'bytes', 'events', 'keys', 'subscriptions', 'subscriptionBytes', 'work']

/** Gateways that are started from now on ask for tokens, and clients have one. */
export async function useTokens(): Promise<void> {
  const secret = randomBytes(32).toString('hex')
  process.env.TIDEGATE_JWT_SECRET = secret
  process.env.TIDEGATE_LIMITS = UNLIMITED.map((quantity) => `caller.${quantity}=off`).join()
  const every = ['>']
  process.env[TOKEN] = await new SignJWT({
    sub: randomUUID(),
    tidegate: { publish: every, subscribe: every, query: every, command: every },
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(Buffer.from(secret))
}

/** The first frame of a client, encoded, with a token where the run has one. */
export function helloFrame(fields: object = {}): Buffer {
  const token = process.env[TOKEN]
  const hello = { type: 'hello', protocol: 1, client: 'bench', ...(token !== undefined && { token }), ...fields }
  return encodeFrame(Buffer.from(JSON.stringify(hello))).frame
}
