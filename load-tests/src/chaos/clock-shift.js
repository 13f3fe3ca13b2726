/**
 * Loaded ahead of a process of Tidegate, as `clock-shift.js?ms=600000`. On SIGUSR2 its wall clock jumps by that much, on the
 * next one back; the monotonic clock and timers are left alone, as when somebody sets the time of a machine.
 */
const SHIFT_MS = Number(new URL(import.meta.url).searchParams.get('ms'))

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
