export { type JobKind, JobOffers, JobQueue } from './job-queue.ts'
