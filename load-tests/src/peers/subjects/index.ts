import type { Subject } from '../subject.ts'
import { bare } from './bare.ts'
import { mosquitto } from './mosquitto.ts'
import { nats } from './nats.ts'
import { nchan } from './nchan.ts'
import { socketIo } from './socket-io.ts'
import { tidegate } from './tidegate.ts'
import { ws } from './ws.ts'

export const SUBJECTS = {
  tidegate,
  ws,
  'socket-io': socketIo,
  nats,
  mosquitto,
  nchan,
  bare,
} as const satisfies Readonly<Record<string, Subject>>

export type SubjectName = keyof typeof SUBJECTS
