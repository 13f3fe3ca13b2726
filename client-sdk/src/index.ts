export type {
  OnSlow,
  PositionVector,
  RejectedEvent,
  ResumeFrom,
  SubscriptionLedger,
  TraceContext,
} from '@tidegate/protocol'
export type {
  EventOf,
  Pane,
  PaneOf,
  PublishEvent,
  Selector,
  TopicEvent,
  TopicsOf,
  WindowTopic,
} from './application/contract-types.ts'
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
} from './application/entity-types.ts'
export type { BusChange } from './client/core.ts'
export type { Reader } from './client/reader.ts'
export type { Subscriber } from './client/subscriber.ts'
export type { Tracer } from './client/traced-call.ts'
export { type ClientOptions, createClient, type TidegateClient } from './client.ts'
export type { CommandAnswer, CommandOptions } from './commands/command-types.ts'
export type { RecoveredCommand } from './commands/recovered-command.ts'
export type { ConnectionStatus } from './connection/machine/state.ts'
export type { ClientStatus } from './connection/machine/status.ts'
export type { SocketConstructor } from './connection/socket.ts'
export type { StatusStore } from './connection/status-store.ts'
export type { TokenContext, TokenOption } from './connection/token-source.ts'
export type { EntityHandle } from './entities/entity-handle.ts'
export { type ClientErrorCode, CommandRejected, TidegateError, type TidegateErrorCode } from './errors/errors.ts'
export type { PublishReceipt } from './errors/publish-receipt.ts'
export type { Presence, PresenceChange, PresenceHandle } from './presence/presence-handle.ts'
export type { PublishOptions } from './publishing/end-frame.ts'
export type { OutboxLimits } from './publishing/outbox.ts'
export type { OutboxStore } from './publishing/outbox-store.ts'
export type { HistoryRead, HistoryReadOptions } from './reads/history.ts'
export type { QueryPage } from './reads/queries.ts'
export type { Read } from './reads/read.ts'
export type { TopicInfo } from './reads/topics.ts'
export type { LatestReadOptions, WindowReadOptions } from './reads/windows.ts'
export type { OptionChange } from './subscriptions/change-options.ts'
export type { Gap, Recovered } from './subscriptions/gap.ts'
export type { SubscribeOptions } from './subscriptions/subscribe-options.ts'
export type { GrantedPolicy, LiveSubscription, SnapshotMoment, Subscription } from './subscriptions/subscription.ts'
