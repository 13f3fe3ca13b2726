export type { RefusableFrame, Refusal } from './refusals.ts'
export type { TestClock } from './test-clock.ts'
export type { ConnectedClient } from './test-connection.ts'
export type { ReceivedCommand } from './test-entities.ts'
export type { StoredEvent } from './test-log.ts'
export { createTestNetwork, type TestNetwork } from './test-network.ts'
export {
  type CommandHandler,
  createTestServer,
  type OpenSubscription,
  type ServerEvent,
  type TestServer,
  type TestServerOptions,
} from './test-server.ts'
export type { TestSchema, TopicOptions } from './test-topics.ts'
