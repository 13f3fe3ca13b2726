import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** `npm start` in another terminal: a gateway with the demo, which fills the page. */
const GATEWAY = 'http://127.0.0.1:8080'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // In this repository the client is TypeScript.
  resolve: { tsconfigPaths: true },
  server: { proxy: { '/v1': { target: GATEWAY, ws: true } } },
})
