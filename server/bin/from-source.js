import { fileURLToPath } from 'node:url'
import { register as registerCommonJs } from 'tsx/cjs/api'
import { register } from 'tsx/esm/api'

// A config in a folder whose package.json does not say "module" is CommonJS to Node.
registerCommonJs()
// Its paths lead to the sources of the packages, from whatever folder this is started.
register({ tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) })
await import('../src/cli/run.ts')
