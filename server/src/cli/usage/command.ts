/** What a file of a command exports. */
export interface Command {
  readonly usage: string
  /**
   * Resolves to the exit code when the command is done; long-lived ones then let the process end.
   *
   * @param commands all that there are
   * @throws UsageError when the arguments were not understood
   */
  run(args: string[], commands: Commands): Promise<number>
}

/** A command in the list of all. */
export interface Listing {
  readonly summary: string
  /** Loaded on demand: a gateway must not load BullMQ, nor a worker uWebSockets.js. */
  readonly load: () => Promise<Command>
}

export type Commands = Readonly<Record<string, Listing>>
