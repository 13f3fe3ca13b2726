export { ANSWERS_RETENTION_MS, type StoredGenerations } from './answer-generations.ts'
export { subjectOf } from './answer-log.ts'
export { AnsweredIds } from './answered-ids.ts'
export { buildOf } from './build.ts'
export { Builds, type Built, isFindable, type Look, type LookCounts } from './builds.ts'
export { MAX_CHUNK } from './chunk.ts'
export {
  type AnsweredEvent,
  COMMAND_CODES,
  type Command,
  type CommandBody,
  type CommandCause,
  type CommandCode,
  type CommandOutcome,
  commandOf,
  type ExpectedVersion,
  rejection,
} from './command.ts'
export { deepFreeze } from './deep-freeze.ts'
export type { HeldEntity } from './entity-book.ts'
export { EntityFold, type EntityFoldOptions, type OpenChunk, type Subject } from './entity-fold.ts'
export {
  cutOf,
  decodeRecord,
  decodeTrailEntry,
  type EntityRecord,
  encodeRecord,
  encodeTrailEntry,
  type Sender,
  type TrailCause,
  type TrailEntry,
} from './entity-record.ts'
export { formatVersion, parseVersion } from './entity-version.ts'
export { ERASE, eventsOf, isAnswerOfBefore } from './erase.ts'
export { beginOf, foldTrail, newRecord, presentData, viewOf } from './fold-events.ts'
export { foldSlices, foldStored, type TrailPages } from './fold-slices.ts'
export { IMPORT, IMPORT_LIMITS } from './import.ts'
export { keepAge } from './keep-history.ts'
export { COMMAND_LIMITS } from './limits.ts'
export { INPUT_LIMITS, OPERATIONS } from './operations.ts'
export { type NumberedMessage, outboxProducer, type StoredOutbox, senderOfMessage } from './outbox.ts'
export { storedOutcome } from './outcome.ts'
export { chosenId, type Owner, ownedId } from './owned-id.ts'
export type { UnreadTrail } from './past-commands.ts'
export { type Message, OUTCOME_COMMAND, outcomeMessage } from './reaction.ts'
export { type FoundEntity, REBUILD } from './rebuild.ts'
export type { FoldedEvent } from './run-event.ts'
export { shownEvent } from './shown-event.ts'
export { inSlices, type Slicing } from './slices.ts'
export {
  baseLineOf,
  fieldsOf,
  NO_EVENTS,
  type Place,
  parseTrailLine,
  placeBehind,
  problemOf,
  type TrailLine,
} from './trail-line.ts'
