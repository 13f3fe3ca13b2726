/**
 * Loaded ahead of a process of Tidegate. On SIGUSR2 its wall clock jumps ten minutes ahead, on the next one back; the
 * monotonic clock and timers go on, as when somebody sets the time of a machine.
 */
const SHIFT_MS = 600_000

const SystemDate = Date
const systemNow = Date.now
let shiftMs = 0

process.on('SIGUSR2', () => {
  shiftMs = SHIFT_MS - shiftMs
})

class ShiftedDate extends SystemDate {
  constructor(...args) {
    super(...(args.length === 0 ? [systemNow() + shiftMs] : args))
  }

  static now() {
    return systemNow() + shiftMs
  }
}

globalThis.Date = ShiftedDate
