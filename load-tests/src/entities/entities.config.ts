import { defineConfig } from 'tidegate'
import { account } from './account.ts'

export default defineConfig({ topics: [], entities: [account] })
