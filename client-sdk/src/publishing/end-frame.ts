import type { EndOfInput, TraceContext } from '@tidegate/protocol'
import { ABORTABLE, type Abortable } from '../application/abort-signal.ts'
import { expectKind, expectOptions } from '../application/arguments.ts'
import { utf8Bytes } from '../utf8-bytes.ts'
import { ENVELOPE_BYTES, type FrameBody } from './publish-frames.ts'

export interface PublishOptions extends Abortable {
  /**
   * No more events of the topic come behind these, or none of a source: the last windows over them close. The caller must be
   * allowed to publish every key of the topic. An event that comes later opens the input again.
   */
  readonly last?: boolean | { readonly source: string }
  /**
   * Where the events come from, as `propagation.inject` of OpenTelemetry writes it: subscribers get it with each of them. What
   * is malformed the server leaves out. Without it, the span of the call where the client has a `tracer`.
   */
  readonly trace?: Partial<TraceContext> | undefined
}

/** @throws TypeError for options that there are not */
export function endOf(options: PublishOptions): EndOfInput | undefined {
  expectOptions('publish', { last: null, trace: 'an object', ...ABORTABLE }, options)
  const { last } = options
  if (typeof last === 'boolean' || last === undefined) return last ? {} : undefined
  expectOptions('publish.last', { source: 'a string' }, last)
  expectKind('publish.last.source', 'a string', last.source)
  return { source: last.source }
}

/** What a caller gave: `inject` writes nothing where there is no span. */
export function givenTrace({ traceparent, tracestate }: Partial<TraceContext> = {}): TraceContext | undefined {
  return traceparent === undefined ? undefined : { traceparent, ...(tracestate && { tracestate }) }
}

/** A frame that ends input and has no events. */
export function endBody(topic: string, end: EndOfInput): FrameBody {
  const json = `"topic":${JSON.stringify(topic)},"end":${JSON.stringify(end)},"events":[]`
  return { topic, json, bytes: utf8Bytes(json) + ENVELOPE_BYTES, events: 0 }
}
