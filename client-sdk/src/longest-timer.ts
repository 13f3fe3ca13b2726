/** The longest that a timer takes: 24 days. One for longer would end at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1
