/** Every metric of Tidegate: name and what it counts. Labels are named where the metric is made. */
export const METRICS = {
  sessions: { name: 'tidegate_sessions', help: 'Open WebSocket sessions' },
  frames: { name: 'tidegate_publish_frames_total', help: 'Publish frames answered, by outcome' },
  pendingBytes: { name: 'tidegate_append_pending_bytes', help: 'Bytes waiting to be appended' },
  breaker: { name: 'tidegate_breaker_open', help: '1 while the breaker of an operation class is open, 0.5 half open' },
} as const
