export type { CallerKind } from './config/access/access-model.ts'
export { ConfigError, type ConfigProblem } from './config/config-error.ts'
export { type CustomAggregate, custom } from './config/contract/custom-aggregate.ts'
export type { Pane, PaneTiming, Presence, WithdrawnPane } from './config/contract/model.ts'
export type { AccessOptions, AccessRule, AllowedOptions } from './config/declarations/access-options.ts'
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
} from './config/declarations/entity.ts'
export { topic, windowOf } from './config/declarations/topic.ts'
export { type Config, defineConfig } from './config/define-config.ts'
export type { Duration, PositiveDuration, SignedDuration } from './config/duration.ts'
