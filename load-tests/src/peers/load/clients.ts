import type { ChildProcess } from 'node:child_process'
import { ask, startModule } from '../../support/processes.ts'
import type { SubjectName } from '../subjects/index.ts'
import type { EventShape } from './events.ts'
import type { PublishersCommand, PublishersReport } from './publishers.ts'
import type { SubscribersCommand, SubscribersReport } from './subscribers.ts'

/** The two processes of clients: the same for every subject. */
export interface Clients {
  publishers(command: PublishersCommand): Promise<PublishersReport>
  subscribers(command: SubscribersCommand): Promise<SubscribersReport>
}

/** Lends the processes of clients, and ends them. */
export async function withClients<T>(use: (clients: Clients) => Promise<T>): Promise<T> {
  const publishers = startModule(new URL('./publishers.ts', import.meta.url))
  const subscribers = startModule(new URL('./subscribers.ts', import.meta.url))
  try {
    return await use({
      publishers: (command) => ask(publishers, command),
      subscribers: (command) => ask(subscribers, command),
    })
  } finally {
    for (const child of [publishers, subscribers]) end(child)
  }
}

const end = (child: ChildProcess) => child.kill('SIGKILL')

export const openPublishers = (subject: SubjectName, port: number, connections: number, shape: EventShape) =>
  ({ do: 'open', subject, port, connections, shape }) as const
