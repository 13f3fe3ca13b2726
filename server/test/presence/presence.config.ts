import { z } from 'zod'
import { defineConfig, topic } from '../../src/index.ts'

const message = topic('room.message', { schema: z.object({ room: z.string() }), key: 'room', presence: true })

export default defineConfig({ topics: [message] })
