import { positiveMs } from '../checked-option.ts'
import { checked, TopicProblem } from '../config-error.ts'
import type { LateTopic, WindowSpec, WindowTopic } from '../contract/model.ts'
import type { Declaration, WindowDeclaration } from '../declarations/declaration.ts'
import { DEFAULT_RETENTION } from '../defaults.ts'
import { inputSchema, type Resolved } from '../topics/input-schema.ts'
import { fixedLane } from '../topics/lane-rule.ts'
import { lateTopicName } from '../topics/topic-order.ts'
import { inputField } from './input-field.ts'
import { valueSchema } from './value-schema.ts'
import { windowFilter, windowSpec } from './window-spec.ts'

/** Checks a declared window against what it reads: the topic of its panes, and that of events too late for it. */
export function windowTopics({ name, from, options }: WindowDeclaration, resolved: Resolved): [WindowTopic, LateTopic] {
  const given = { ...options }
  const { inputs, spec, where, retentionMs, lane } = checked({
    inputs: () => inputNames(from),
    spec: () => windowSpec(options),
    where: () => windowFilter(given.where),
    retentionMs: () => positiveMs('retention', given.retention ?? DEFAULT_RETENTION.window),
    lane: () => fixedLane(given.priority),
  })
  if (where === undefined) for (const input of from) refuseRevised(input, resolved)
  if (spec.clockPer !== 'partition') for (const input of from) refusePanes(input, spec.clockPer)
  const schemas = from.map((input) => inputSchema(input, resolved))
  if (typeof spec.groupBy === 'object') inputField(schemas, spec.groupBy.field, ['string'], 'bad_window', 'groupBy')
  const lateTopic = lateTopicName(name)
  const window: WindowTopic = {
    kind: 'window',
    name,
    retentionMs,
    from: inputs,
    spec,
    ...(where !== undefined && { where }),
    valueSchema: valueSchema(spec, schemas),
    lane,
    lateTopic,
  }
  return [window, { kind: 'late', name: lateTopic, retentionMs, from: inputs, window: name }]
}

function inputNames(from: readonly Declaration[]): string[] {
  const names = from.map((input) => input.name)
  if (names.length === 0) throw new TopicProblem('bad_window', 'it reads nothing; name at least one topic')
  if (new Set(names).size < names.length) throw new TopicProblem('bad_window', 'it reads a topic twice')
  return names
}

/**
 * A pane that replaces another one would count beside it. A filter in between states which panes count, which nobody
 * can check.
 */
function refuseRevised(input: Declaration, resolved: Resolved): void {
  if (input.kind === 'flow' && input.steps.every((step) => step.op === 'map')) refuseRevised(input.from, resolved)
  const definition = resolved.get(input)
  if (definition?.kind !== 'window' || !revises(definition.spec)) return
  throw new TopicProblem(
    'bad_window',
    `it reads ${input.name}, which may revise its panes, and each revision would count again; give ${input.name} allowedLateness '0s' and no emit, or accumulation 'discarding', or count only panes that are on time: where: { version: 1, keep: (pane) => pane.timing === 'on_time' }`,
  )
}

/** Panes have no source, and the clock of their window is one clock. */
function refusePanes(input: Declaration, clockPer: string): void {
  if (input.kind === 'flow') refusePanes(input.from, clockPer)
  if (input.kind !== 'window') return
  throw new TopicProblem(
    'bad_window',
    `watermark: ${clockPer} - it reads panes of ${input.name}, which have one clock; leave watermark out here and set it on ${input.name}`,
  )
}

function revises({ accumulation, allowedLatenessMs, emitEveryMs }: WindowSpec): boolean {
  return accumulation === 'accumulating' && (allowedLatenessMs > 0 || emitEveryMs !== undefined)
}
