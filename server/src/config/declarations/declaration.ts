import type { Lane } from '@tidegate/protocol'
import type { ZodType } from 'zod'
import type { FlowStep } from '../contract/model.ts'
import type { UncheckedOptions } from './window-options.ts'

/**
 * What the builders of `topic.ts` record, unchecked: the config file is not type-checked when it is loaded, so every
 * value may be wrong. `resolve.ts` checks it all at once and builds the contract.
 */
export type Declaration = SourceDeclaration | FlowDeclaration | WindowDeclaration

interface Declared {
  readonly name: string
  /** File and line. */
  readonly place?: string | undefined
  /** As written. */
  readonly options?: unknown
}

export interface SourceDeclaration extends Declared {
  readonly kind: 'source'
  readonly schema: ZodType
  readonly key: string
  readonly priority: Priority | undefined
  readonly retention: string | undefined
  readonly maxFuture: string | undefined
  readonly presence: unknown
}

export interface FlowDeclaration extends Declared {
  readonly kind: 'flow'
  readonly from: Declaration
  readonly steps: readonly FlowStep[]
  readonly version: number
  readonly priority: Priority | undefined
  readonly retention: string | undefined
}

export interface WindowDeclaration extends Declared {
  readonly kind: 'window'
  readonly from: readonly Declaration[]
  readonly options: UncheckedOptions
}

/** What a topic is computed from; nothing for a source. */
export function inputsOf(declaration: Declaration): readonly Declaration[] {
  switch (declaration.kind) {
    case 'source':
      return []
    case 'flow':
      return [declaration.from]
    case 'window':
      return declaration.from
  }
}

/** One lane for every event of the topic, or a rule over its data. */
// biome-ignore lint/suspicious/noExplicitAny: the rule's own data type is known to the builder, not here
export type Priority = Lane | ((data: any) => Lane)
