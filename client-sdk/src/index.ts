export type {
  OnSlow,
  PositionVector,
  RejectedEvent,
  ResumeFrom,
  SubscriptionLedger,
  TraceContext,
} from '@tidegate/protocol'
export type { OptionChange } from './change-options.ts'
export { type ClientOptions, createClient, type TidegateClient } from './client.ts'
export type { CommandAnswer, CommandOptions } from './commands/command-types.ts'
export type { RecoveredCommand } from './commands/recovered-command.ts'
export type { ConnectionStatus } from './connection/state.ts'
export type { ClientStatus } from './connection/status.ts'
export type {
  EventOf,
  Pane,
  PaneOf,
  PublishEvent,
  Selector,
  TopicEvent,
  TopicsOf,
  WindowTopic,
} from './contract-types.ts'
export type { BusChange } from './core.ts'
export type { PublishOptions } from './end-frame.ts'
export type { EntityHandle } from './entities/entity-handle.ts'
export type {
  EntitiesOf,
  EntityMoment,
  FailedEntity,
  FindOptions,
  FoundPage,
  GetOptions,
  HistoryEvent,
  HistoryOptions,
  LiveState,
} from './entities/entity-types.ts'
export { type ClientErrorCode, CommandRejected, TidegateError, type TidegateErrorCode } from './errors.ts'
export type { Gap, Recovered } from './gap.ts'
export type { OutboxLimits } from './outbox.ts'
export type { OutboxStore } from './outbox-store/outbox-store.ts'
export type { Presence, PresenceChange, PresenceHandle } from './presence/presence-handle.ts'
export type { PublishReceipt } from './publish-receipt.ts'
export type { QueryPage } from './queries.ts'
export type { Reader } from './reader.ts'
export type { HistoryRead, HistoryReadOptions } from './reads/history.ts'
export type { Read } from './reads/read.ts'
export type { TopicInfo } from './reads/topics.ts'
export type { LatestReadOptions, WindowReadOptions } from './reads/windows.ts'
export type { SocketConstructor } from './socket.ts'
export type { StatusStore } from './status-store.ts'
export type { SubscribeOptions } from './subscribe-options.ts'
export type { Subscriber } from './subscriber.ts'
export type { GrantedPolicy, LiveSubscription, SnapshotMoment, Subscription } from './subscription.ts'
export type { TokenContext, TokenOption } from './token-source.ts'
export type { Tracer } from './traced-call.ts'
