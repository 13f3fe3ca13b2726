/** One line of `GET /v1/topics`, as far as the page uses it. */
export interface Topic {
  readonly name: string
  readonly kind: 'source' | 'flow' | 'window' | 'late' | 'state' | 'events' | 'presence'
  readonly retentionMs: number
  /** Results only: the topics they are computed from. */
  readonly from?: readonly string[]
  /** Sources only: JSON Schema of the data. */
  readonly schema?: unknown
  /** Windows only. */
  readonly window?: WindowSpec
  /** Windows only: JSON Schema of a result's value. */
  readonly valueSchema?: ValueSchema
}

type WindowShape =
  | { readonly type: 'tumbling'; readonly sizeMs: number }
  | { readonly type: 'hopping'; readonly sizeMs: number; readonly slideMs: number }
  | { readonly type: 'session'; readonly gapMs: number }

type WindowSpec = WindowShape & {
  readonly groupBy: 'key' | 'all' | { readonly field: string }
  /** Pane field -> aggregate. */
  readonly aggregate: Readonly<Record<string, Aggregate>>
}

interface Aggregate {
  readonly fn: string
  /** Absent for `count`. */
  readonly field?: string
}

interface ValueSchema {
  readonly properties: Readonly<Record<string, { readonly type?: string }>>
}

/** A window with at least one field that can be drawn. */
export interface WindowTopic extends Topic {
  readonly from: readonly string[]
  readonly window: WindowSpec
  readonly valueSchema: ValueSchema
}

export function isWindow(topic: Topic): topic is WindowTopic {
  return topic.window !== undefined && numberFields(topic as WindowTopic).length > 0
}

/** The fields of a result that hold a number, in the order they were declared. */
export function numberFields({ window, valueSchema }: WindowTopic): string[] {
  return Object.keys(window.aggregate).filter((name) => valueSchema.properties[name]?.type === 'number')
}

/** How far apart the windows of a key begin, ms; sessions begin at least this far apart. */
export function stepMs({ window }: WindowTopic): number {
  switch (window.type) {
    case 'tumbling':
      return window.sizeMs
    case 'hopping':
      return window.slideMs
    case 'session':
      return window.gapMs
  }
}
