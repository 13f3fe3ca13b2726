import { defineConfig } from '../../src/index.ts'
import { counter } from '../entities/counter.ts'
import { hot, reading, twin } from '../entities/twin.ts'

export default defineConfig({ topics: [reading, hot], entities: [counter, twin] })
