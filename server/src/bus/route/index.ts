export { type RedisOptions, routeTo } from './route.ts'
export type { SentinelFacts } from './sentinels.ts'
