import { defineConfig } from '../../src/index.ts'
import { counter } from '../entities/counter.ts'

export default defineConfig({ topics: [], entities: [counter] })
