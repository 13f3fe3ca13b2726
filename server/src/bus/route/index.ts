export { UNSERVED } from './cluster.ts'
export type { Target } from './guide.ts'
export { type RedisOptions, type Route, routeTo } from './route.ts'
export type { SentinelFacts } from './sentinels.ts'
