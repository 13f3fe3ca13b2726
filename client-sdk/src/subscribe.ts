export type {
  OnSlow,
  PositionVector,
  ResumeFrom,
  SubscribeOptions,
  SubscriptionLedger,
} from '@tidegate/protocol'
export type { OptionChange } from './change-options.ts'
export type { ConnectionStatus } from './connection/state.ts'
export type { ClientStatus } from './connection/status.ts'
export type { EventOf, Selector, TopicEvent, TopicsOf } from './contract-types.ts'
export type { BusChange, ConnectOptions } from './core.ts'
export { type ClientErrorCode, TidegateError, type TidegateErrorCode } from './errors.ts'
export type { Gap, Recovered } from './gap.ts'
export type { QueryPage } from './queries.ts'
export { createReader, type Reader } from './reader.ts'
export type { SocketConstructor } from './socket.ts'
export type { StatusStore } from './status-store.ts'
export { createSubscriber, type Subscriber } from './subscriber.ts'
export type { GrantedPolicy, LiveSubscription, SnapshotMoment, Subscription } from './subscription.ts'
export type { TokenContext, TokenOption } from './token-source.ts'
