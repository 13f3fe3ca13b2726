/** The answer of `GET /v1/topics`, as far as the page uses it. */
export interface TopicList {
  readonly topics: readonly Topic[]
}

export interface Topic {
  readonly name: string
  readonly kind: 'source' | 'flow' | 'window' | 'late'
  readonly retentionMs: number
  /** Results only: the topic they are computed from. */
  readonly from?: string
  /** Sources only: JSON Schema of the data. */
  readonly schema?: unknown
  /** Windows only. */
  readonly window?: WindowShape
}

interface WindowShape {
  readonly sizeMs: number
  readonly groupBy: 'key' | 'all'
  /** Pane field -> aggregate. */
  readonly aggregate: Readonly<Record<string, Aggregate>>
}

interface Aggregate {
  readonly fn: string
  /** Absent for `count`. */
  readonly field?: string
}

export interface WindowTopic extends Topic {
  readonly window: WindowShape
}

export function isWindow(topic: Topic): topic is WindowTopic {
  return topic.window !== undefined
}
