#!/usr/bin/env node
import { existsSync } from 'node:fs'

// A clone runs what is written in it. The package has no sources.
const isClone = existsSync(new URL('./from-source.js', import.meta.url))
await import(isClone ? './from-source.js' : '../dist/cli/run.js')
