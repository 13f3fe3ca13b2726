export type { Cohort, CohortMember, Standing } from './cohort.ts'
export { FREE } from './cohort.ts'
export { type CohortContext, Cohorts } from './cohorts.ts'
