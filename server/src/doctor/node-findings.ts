import type { RedisFacts } from '../bus/index.ts'
import type { Finding } from './finding.ts'

/** What is wrong with a Redis as a master of a cluster. Pure. */
export function* nodeFindings({ info, parameters }: RedisFacts): Iterable<Finding> {
  if (parameters.get('cluster-require-full-coverage') === 'yes') {
    yield {
      code: 'cluster-full-coverage',
      severity: 'warning',
      what: 'cluster-require-full-coverage is yes: while one master is away and has no replica, no other serves anybody.',
      todo: 'CONFIG SET cluster-require-full-coverage no, and in its configuration.',
    }
  }
  if (info.get('connected_slaves') === '0') {
    yield {
      code: 'cluster-no-replica',
      severity: 'warning',
      what: 'It has no replica: while it is away its partitions stand still.',
      todo: 'Add a replica (redis-cli --cluster add-node --cluster-slave).',
    }
  }
}
