export type {
  OnSlow,
  PositionVector,
  ResumeFrom,
  SubscribeOptions,
  SubscriptionLedger,
} from '@tidegate/protocol'
export type { EventOf, Selector, TopicEvent, TopicsOf } from './application/contract-types.ts'
export type { BusChange, ConnectOptions } from './client/core.ts'
export { createReader, type Reader } from './client/reader.ts'
export { createSubscriber, type Subscriber } from './client/subscriber.ts'
export type { ConnectionStatus } from './connection/machine/state.ts'
export type { ClientStatus } from './connection/machine/status.ts'
export type { SocketConstructor } from './connection/socket.ts'
export type { StatusStore } from './connection/status-store.ts'
export type { TokenContext, TokenOption } from './connection/token-source.ts'
export { type ClientErrorCode, TidegateError, type TidegateErrorCode } from './errors/errors.ts'
export type { QueryPage } from './reads/queries.ts'
export type { OptionChange } from './subscriptions/change-options.ts'
export type { Gap, Recovered } from './subscriptions/gap.ts'
export type { GrantedPolicy, LiveSubscription, SnapshotMoment, Subscription } from './subscriptions/subscription.ts'
