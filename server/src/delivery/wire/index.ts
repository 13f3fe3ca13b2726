export { type Arrival, arrivalOf, type StoreTimes } from './arrival.ts'
export { BatchFrameBuilder, FRAME_OVERHEAD_BYTES, partOverheadBytes, type Take } from './batch-frame.ts'
export { type DeliveryObserver, reportDelivered } from './delivery-observer.ts'
export { type DeliverySocket, type EncodedFrame, endOf, type Moved } from './delivery-socket.ts'
export { bytesOf, copyEvents, type EncodedEvents, NO_PICKS, type Picks } from './encoded-events.ts'
export { Entry } from './entry.ts'
export {
  bytesInFlight,
  type Flow,
  type FlowEvent,
  type FlowOptions,
  isNearlyIdle,
  isWaitingForCredit,
  openFlow,
  stepFlow,
} from './flow.ts'
export { type Flushable, Flusher } from './flusher.ts'
export { type ByLane, LANE_INDEXES, type LaneIndex } from './lanes.ts'
export { type Part, partOf } from './part.ts'
export { VectorBuilder } from './position-vector.ts'
export { type SnapshotFrame, snapshotFrames } from './snapshot-frames.ts'
export { TracedEvents } from './traced-events.ts'
export { addWithheld, countsOf, isNone, moveWithheld, noneWithheld, sumWithheld, type Withheld } from './withheld.ts'
export { WithheldByPart } from './withheld-by-part.ts'
