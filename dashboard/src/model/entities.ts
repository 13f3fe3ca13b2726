/** One line of `GET /v1/entities`, as far as the page uses it. */
export interface Entity {
  readonly name: string
  /** What the key is called. */
  readonly key: string
  readonly indexes: readonly string[]
}

/** The entity that a topic's keys are those of; undefined for another topic. */
export function entityOf(topic: { readonly name: string; readonly kind: string }): string | undefined {
  const isLive = topic.kind === 'state' || topic.kind === 'events'
  return isLive ? topic.name.slice(0, topic.name.lastIndexOf('.')) : undefined
}
