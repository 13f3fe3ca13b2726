import type { LiveState } from '../application/entity-types.ts'
import type { Presence } from '../presence/presence-handle.ts'
import type { Follow } from './follow.ts'

/** The state of one entity; `undefined` while it has no events, and once it was erased. */
export function followEntity(name: string, key: string): Follow<LiveState<unknown> | undefined> {
  return (client, report) => {
    const entity = client.entity(name, key)
    let state: LiveState<unknown> | undefined
    entity.onChange((next) => {
      state = next
      report.changed()
    })
    entity.onErase(() => {
      state = undefined
      report.changed()
    })
    entity.onError(report.failed)
    entity.ready.then(report.ready, () => {})
    return { read: () => state, close: () => entity.close() }
  }
}

export interface Present {
  /** By subject. */
  readonly present: ReadonlyMap<string, Presence>
  /** Connections of subjects for which `present` had no room. */
  readonly unlisted: number
}

/** Who is subscribed to a topic. */
export function followPresence(topic: string): Follow<Present> {
  return (client, report) => {
    const presence = client.presence(topic)
    presence.onChange(report.changed)
    presence.onError(report.failed)
    presence.ready.then(report.ready, () => {})
    return {
      read: () => ({ present: presence.present, unlisted: presence.unlisted }),
      close: () => presence.close(),
    }
  }
}
