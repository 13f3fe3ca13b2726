// Those that clients check themselves are constants of their own: a page loads the ones that it uses, not the whole table.

/** Bytes of one frame. The transport receives somewhat more, so that the refusal is a close code and not a bare 1006. */
export const FRAME_BYTES = 1_048_576
/** Events of one `publish` frame or HTTP request. */
export const FRAME_EVENTS = 1_000
/** UTF-8 bytes of an event id or source. */
export const ID_BYTES = 128
/** Characters of a producer id or an Idempotency-Key. */
export const PRODUCER_CHARS = 64
/** Characters of a token. */
export const TOKEN_CHARS = 8_192
/** `hello.windowBytes` where it does not say. 64 KiB is 0.5 s of a 1 Mbit/s link. */
export const WINDOW_BYTES = 65_536
/** Its bounds: below, one frame hardly fits; above, a slow link hides minutes. */
export const MIN_WINDOW_BYTES = 4_096
export const MAX_WINDOW_BYTES = 4_194_304
/** Commands of one connection that may be unanswered. */
export const UNANSWERED_COMMANDS = 64
/** Subscriptions of one connection. */
export const SUBSCRIPTIONS = 64
/** How long a command waits for its outcome, unless it says: longer than a partition takes to get another owner. */
export const COMMAND_DEADLINE_MS = 10_000
/** Bounds of `command.deadlineMs`: below, hardly any is answered; above, sending it again tells more than waiting does. */
export const MIN_DEADLINE_MS = 100
export const MAX_DEADLINE_MS = 60_000

/** Limits a client meets on the wire. `PROTOCOL.md` prints this table; the gateway announces the first two in `welcome`. */
export const LIMITS = {
  frameBytes: FRAME_BYTES,
  frameEvents: FRAME_EVENTS,
  /** UTF-8 bytes of one partition key: keys are repeated in every batch header. */
  keyBytes: 512,
  /** UTF-8 bytes of one event's stored JSON: it must fit a record batch whole. */
  eventBytes: 65_536,
  /** Arrays and objects within each other in `data`, itself included: some thousand overflow the stack of whoever walks them. */
  dataDepth: 64,
  idBytes: ID_BYTES,
  tokenChars: TOKEN_CHARS,
  /** Characters of a topic name. */
  topicChars: 128,
  producerChars: PRODUCER_CHARS,
  /** Subscriptions of one session. */
  subscriptions: SUBSCRIPTIONS,
  /** UTF-8 bytes of the JSON of `subscribe.state`: everybody who sees who is there gets each one's. */
  stateBytes: 1_024,
  /** Keys in one subscription's key filter. */
  subscriptionKeys: 1_000,
  /** Most of `subscribe.batch.maxMs`: what waits longer is no stream. */
  batchMs: 10_000,
  /** Bounds of `subscribe.maxRate`, events per second and key. */
  minRate: 0.01,
  maxRate: 1_000,
  /** UTF-16 units of one filter, its conditions, and how deep `!` and `(` may nest: what one event costs is bounded by them. */
  filterChars: 1_024,
  filterTerms: 32,
  filterDepth: 16,
  /** Characters of an event id of `GET /v1/stream`: it comes back in a header, for which many servers have 4 KiB in all. */
  resumeIdBytes: 2_048,
  minWindowBytes: MIN_WINDOW_BYTES,
  maxWindowBytes: MAX_WINDOW_BYTES,
  /** Items of `hello.epochs`, of `hello.acked` and of a lane in `from.positions`: one for each partition. */
  epochs: 1_024,
  /**
   * Milliseconds an event's time may lie ahead of the gateway's clock, where its topic's `maxFuture` says nothing else: more
   * than clocks differ that are set by a time service, and far less than windows are kept for late events by default.
   */
  maxFutureMs: 5_000,
  /** UTF-8 bytes of the JSON of a command's input: it is kept in the log until its partition's owner has run it. */
  inputBytes: 32_768,
  commands: UNANSWERED_COMMANDS,
  minDeadlineMs: MIN_DEADLINE_MS,
  maxDeadlineMs: MAX_DEADLINE_MS,
} as const

/** Defaults a client may rely on. */
export const DEFAULTS = {
  /** In-flight bytes a session may have unconfirmed. */
  windowBytes: WINDOW_BYTES,
  /** The server pings at this interval; a client silent for two of them is closed. */
  pingMs: 15_000,
  /** Unacknowledged publish frames and bytes a session may have. */
  publishFrames: 64,
  publishBytes: 1_048_576,
  deadlineMs: COMMAND_DEADLINE_MS,
} as const

export const SUBPROTOCOL = 'tidegate.v1'
/** Of a socket that several clients share. */
export const SHARED_SUBPROTOCOL = 'tidegate.v1.shared'
export const PROTOCOL_VERSION = 1
