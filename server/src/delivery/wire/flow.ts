/**
 * Flow control of one session as a pure machine. In flight are the bytes written and not yet confirmed by the client's
 * cumulative credit. The kernel hides about 4 MB behind the socket's own buffered amount, so that amount is only a
 * guard, except for clients that never send credit: for them it is the only measure.
 */
export interface Flow {
  readonly state: 'open' | 'congested'
  readonly mode: 'credit' | 'buffered'
  /** Bytes that may be in flight. */
  readonly windowBytes: number
  /** High-water mark: from here on only the rest of the window may be written, by the high lane. */
  readonly highWaterBytes: number
  /** Low-water mark, at which a congested session resumes: resuming at once would write crumbs. */
  readonly lowWaterBytes: number
  /** Bytes of all frames written so far. */
  readonly written: number
  /** Bytes the client has confirmed so far. */
  readonly confirmed: number
}

export type FlowEvent =
  | { readonly type: 'wrote'; readonly bytes: number }
  | { readonly type: 'credited'; readonly bytes: number }
  /** Something waits that does not fit below the high-water mark. */
  | { readonly type: 'blocked' }
  /** No event, but the buffered amount may have changed. */
  | { readonly type: 'checked' }

/**
 * High-water mark as a share of the window. The rest is kept for the high lane, which then neither waits for credit nor
 * finds more than a window ahead of it.
 */
const HIGH_WATER_SHARE = 0.75

export interface FlowOptions {
  readonly windowBytes: number
  /** Low-water mark as a share of the window. */
  readonly lowWaterShare: number
  /** `credit` when the client promised to send it; otherwise its first credit of more than 0 bytes switches the mode. */
  readonly mode: Flow['mode']
}

export function openFlow({ windowBytes, lowWaterShare, mode }: FlowOptions): Flow {
  return {
    state: 'open',
    mode,
    windowBytes,
    highWaterBytes: windowBytes * HIGH_WATER_SHARE,
    lowWaterBytes: windowBytes * lowWaterShare,
    written: 0,
    confirmed: 0,
  }
}

export function stepFlow(flow: Flow, event: FlowEvent, bufferedBytes: number): Flow {
  switch (event.type) {
    case 'wrote':
      return crossMarks({ ...flow, written: flow.written + event.bytes }, bufferedBytes)
    case 'credited': {
      const confirmed = Math.min(flow.written, Math.max(flow.confirmed, event.bytes))
      // A client that pauses a subscription confirms nothing, and may never do.
      const mode = event.bytes > 0 ? 'credit' : flow.mode
      return crossMarks({ ...flow, mode, confirmed }, bufferedBytes)
    }
    case 'blocked':
      return { ...flow, state: 'congested' }
    case 'checked':
      return crossMarks(flow, bufferedBytes)
  }
}

export function bytesInFlight(flow: Flow, bufferedBytes: number): number {
  return flow.mode === 'credit' ? Math.max(flow.written - flow.confirmed, bufferedBytes) : bufferedBytes
}

/** Whether so little is in flight that an event larger than the rest of the window may still be written. */
export function isNearlyIdle(flow: Flow, bufferedBytes: number): boolean {
  return bytesInFlight(flow, bufferedBytes) <= flow.lowWaterBytes
}

/** Whether only a credit can open the window again: nothing is buffered here that could drain. */
export function isWaitingForCredit(flow: Flow, bufferedBytes: number): boolean {
  const { state, mode } = flow
  return state === 'congested' && mode === 'credit' && bufferedBytes === 0 && !isNearlyIdle(flow, bufferedBytes)
}

/** Opens or congests the flow when the bytes in flight cross a mark. */
function crossMarks(flow: Flow, bufferedBytes: number): Flow {
  const inFlight = bytesInFlight(flow, bufferedBytes)
  if (flow.state === 'open') return inFlight >= flow.highWaterBytes ? { ...flow, state: 'congested' } : flow
  return isNearlyIdle(flow, bufferedBytes) ? { ...flow, state: 'open' } : flow
}
