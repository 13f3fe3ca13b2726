import type { ClientFrame, PublishGrant, ServerFrame } from '@tidegate/protocol'
import type { TidegateError } from '../errors/errors.ts'
import type { Check } from './checks.ts'
import type { FrameReceipt } from './credit.ts'

type FrameType = ServerFrame['type']

export type FrameOf<Type extends FrameType> = Extract<ServerFrame, { type: Type }>
type Hello = Extract<ClientFrame, { type: 'hello' }>

/** What a client says of itself. JSON leaves out members that are undefined. */
export type HelloMembers = { readonly [Member in keyof Hello]?: Hello[Member] | undefined }

/** What the connection knows of a greeting before the parts of the client. */
export interface Greeting {
  readonly session: number
  readonly sequence: string | undefined
}

/** What the client relies on in frames of a type: one that is otherwise is no frame. */
export type FrameChecks = { readonly [Type in FrameType]?: Check }

/** The receipt MUST be completed for every event of a batch. */
export type FrameHandlers = {
  readonly [Type in FrameType]?: (frame: FrameOf<Type>, receipt: FrameReceipt) => void
}

/** Something that a client does over its connection. All of its parts hear everything, in the order in which they stand. */
export interface Part {
  /** For the types of frames that no other part and not the connection itself checks. */
  readonly checks?: FrameChecks
  readonly frames?: FrameHandlers
  /** Its fields of `hello`. */
  hello?(greeting: Greeting): HelloMembers
  /** A new connection was greeted: what is open is requested again. */
  online?(grant: PublishGrant, sequence: string | undefined): void
  /** The connection is about to be replaced: what is on its way is still answered, nothing new MUST be published on it. */
  leaving?(): void
  /** Unanswered frames of the connection stay unanswered; another connection comes, or is there. */
  offline?(): void
  /** Resolves when nothing waits for an answer any more. */
  empty?(): Promise<void>
  /** The application closes its client. */
  close?(): void
  /** There will be no further connection: gives up everything. */
  end?(reason: TidegateError): void
}
