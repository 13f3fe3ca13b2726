import { encodeFrame } from './raw-websocket.ts'

/** The answer to a ping. A client that sends nothing for 30 s is closed. */
export const PONG = encodeFrame(Buffer.from('{"type":"pong","time":0}')).frame

const PING = '{"type":"ping"'

/** Whether a frame of a gateway is a ping. */
export const isPing = (payload: Buffer): boolean => payload.toString('latin1', 0, PING.length) === PING
