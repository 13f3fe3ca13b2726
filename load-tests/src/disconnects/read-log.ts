import { createClient } from '@tidegate/client'
import type { DeliveredEvent } from '@tidegate/protocol'
import { READING } from './disconnects.config.ts'
import type { PlayerOptions } from './player.ts'
import type { ByKey } from './watch.ts'

/** Everything that is stored, read as any client can. */
export async function readLog({ url, WebSocket }: Omit<PlayerOptions, 'name'>, partitions: number): Promise<ByKey> {
  const client = createClient({ url, WebSocket })
  const ids = new Map<string, string[]>()
  for (let partition = 0; partition < partitions; partition++) {
    for (let after: string | undefined = undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const place: Readonly<Record<string, unknown>> = after === undefined ? { partition } : { after }
      const page = await client.queryPage('history', { topic: READING, ...place })
      for (const { id, key } of page.data as readonly DeliveredEvent[]) {
        const ofKey = ids.get(key) ?? []
        ofKey.push(id)
        ids.set(key, ofKey)
      }
      after = page.next
    }
  }
  await client.close()
  return ids
}
