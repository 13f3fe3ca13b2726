export { Admission } from './admission.ts'
export { Gateway } from './gateway.ts'
export type {
  LetterOutcome,
  LettersAnswer,
  LetterTopic,
  RedriveAnswer,
  ShownLetter,
} from './http/dead-letters.ts'
export { StaticFiles } from './http/static-files.ts'
export { Operators } from './operators.ts'
export { PageGuard } from './pages/page-guard.ts'
export { Readiness } from './readiness.ts'
export { SelfReport } from './self-report.ts'
export { Streams } from './sse/streams.ts'
export type { StoredStatus } from './status/reported-status.ts'
export { type StatusAnswer, StatusReader } from './status/status-reader.ts'
export { createTransport, type TransportName } from './transport/create-transport.ts'
