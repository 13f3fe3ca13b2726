export { Abandoned, RETRY_MS, untilAnswered } from './retry.ts'
export { Turn } from './turn.ts'
