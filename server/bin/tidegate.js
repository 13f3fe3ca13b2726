#!/usr/bin/env node
import { existsSync } from 'node:fs'

// Only a clone has it.
const isClone = existsSync(new URL('./in-a-clone.js', import.meta.url))
await import(isClone ? './in-a-clone.js' : '../dist/cli/run.js')
