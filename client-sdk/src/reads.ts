export {
  type HistoryRead,
  type HistoryReadOptions,
  readHistory,
} from './reads/history.ts'
export type { Asks, Read } from './reads/read.ts'
export { readTopics, type TopicInfo } from './reads/topics.ts'
export { type LatestReadOptions, readLatest, readWindows, type WindowReadOptions } from './reads/windows.ts'
