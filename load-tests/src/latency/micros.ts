/** Monotonic time in microseconds, the same in all processes of this machine. */
export const nowMicros = () => Number(process.hrtime.bigint() / 1_000n)
