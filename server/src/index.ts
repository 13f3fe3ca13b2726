export type { AccessOptions, AccessRule, AllowedOptions } from './config/access.ts'
export type { CallerKind } from './config/access-model.ts'
export { ConfigError, type ConfigProblem } from './config/config-error.ts'
export { type CustomAggregate, custom } from './config/custom-aggregate.ts'
export { type Config, defineConfig } from './config/define-config.ts'
export type { Duration, PositiveDuration, SignedDuration } from './config/duration.ts'
export {
  type CommandCaller,
  type CommandContext,
  command,
  type EventContext,
  entity,
  type History,
  type Reaction,
  type ReactionCause,
  type ReactionOutcome,
  type Rejection,
  type Reply,
  reject,
  reply,
  type ThenContext,
  type TopicContext,
  type TopicEvent,
} from './config/entity.ts'
export type { Pane, PaneTiming, Presence, WithdrawnPane } from './config/model.ts'
export { topic, windowOf } from './config/topic.ts'
