#!/usr/bin/env node
import { register } from 'tsx/esm/api'

register()
const { main } = await import('../src/cli/main.ts')
// Not exitCode: a start that failed half way may hold connections that would keep the process alive.
process.exit(await main(process.argv.slice(2)))
