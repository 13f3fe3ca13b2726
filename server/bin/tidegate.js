#!/usr/bin/env node
import { register as registerCommonJs } from 'tsx/cjs/api'
import { register } from 'tsx/esm/api'

// A config in a folder whose package.json does not say "module" is CommonJS to Node.
registerCommonJs()
register()
const { startWithParent } = await import('../src/cli/process-life.ts')
startWithParent()
const { endWithoutSecrets } = await import('../src/cli/last-words.ts')
endWithoutSecrets()
const { main } = await import('../src/cli/main.ts')
// Not exitCode: a start that failed half way may hold connections that would keep the process alive.
process.exit(await main(process.argv.slice(2)))
