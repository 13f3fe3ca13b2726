/** 0 high, 1 normal, 2 low: the place of a lane in `LANES`. */
export type LaneIndex = 0 | 1 | 2
/** One value per lane. A tuple: an object with these keys takes four times the memory, and there are many. */
export type ByLane<T> = readonly [high: T, normal: T, low: T]

export const LANE_INDEXES: readonly LaneIndex[] = [0, 1, 2]
