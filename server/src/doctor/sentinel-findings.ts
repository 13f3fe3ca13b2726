import type { DeploymentFacts } from '../bus/index.ts'
import type { Finding } from './finding.ts'

/** With fewer, the loss of one leaves no majority. */
const FEWEST = 3

/** What is wrong with the Sentinels of a Redis. Pure. */
export function* sentinelFindings(facts: DeploymentFacts['sentinels']): Iterable<Finding> {
  if (facts === undefined) return
  const { named, answering, masters, watching, replicas, noFailover } = facts
  if (noFailover !== undefined) {
    yield {
      code: 'sentinel-no-quorum',
      severity: 'error',
      what: `The Sentinels could not agree on a failover now: ${noFailover}`,
      todo: 'Start those that are down; a failover needs the quorum, and a majority of all Sentinels.',
    }
  }
  if (replicas === 0) {
    yield {
      code: 'sentinel-no-replica',
      severity: 'error',
      what: 'The Sentinels know no replica of the master: a failover has nothing to promote.',
      todo: 'Start a replica (REPLICAOF).',
    }
  }
  if (masters > 1) {
    yield {
      code: 'sentinel-disagree',
      severity: 'warning',
      what: `The Sentinels name ${masters} Redis as master: a failover is under way, or one of them is cut off.`,
      todo: 'Run the doctor again in a minute; then compare SENTINEL MASTER of each.',
    }
  }
  if (answering < named) {
    yield {
      code: 'sentinel-silent',
      severity: 'warning',
      what: `${named - answering} of the ${named} Sentinels in REDIS_URL do not answer.`,
      todo: 'Start them, or take them off REDIS_URL.',
    }
  }
  if (watching < FEWEST) {
    yield {
      code: 'sentinel-few',
      severity: 'warning',
      what: `${watching} Sentinel${watching === 1 ? ' watches' : 's watch'} the master: if one is lost there is no failover.`,
      todo: `Run ${FEWEST} or more, on machines that do not fail together.`,
    }
  }
  if (watching > named) {
    yield {
      code: 'sentinel-unnamed',
      severity: 'note',
      what: `REDIS_URL names ${named} of the ${watching} Sentinels.`,
      todo: 'Name all of them: the others are not asked.',
    }
  }
}
