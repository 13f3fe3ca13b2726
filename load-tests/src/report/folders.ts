import { join } from 'node:path'
import { REPOSITORY } from '../../../scripts/source-files.ts'

/** Results that are kept: `docs/benchmarks.md` is made of them. */
export const KEPT_RESULTS = join(REPOSITORY, 'load-tests/results')
/** The page with plots; not kept, since it follows from the results. */
export const HTML_PAGE = join(REPOSITORY, 'load-tests/dist/benchmarks.html')
