export type { HomeOf } from './division.ts'
export {
  abortGrowth,
  type Growth,
  type GrowthOptions,
  type GrowthReport,
  growPartitions,
  previewGrowth,
} from './grow-partitions.ts'
export { readMarker, refuseWhileGrowing } from './growth-marker.ts'
export type { GrowthPlan, LogPlacement, Placement } from './growth-plan.ts'
