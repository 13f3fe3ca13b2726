import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** `npx vite dashboard` serves the page with live reload, on the data of a Tidegate started with `npm start`. */
const GATEWAY = 'http://127.0.0.1:8080'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  resolve: { tsconfigPaths: true },
  // The gateway serves what lies under assets/ as immutable: names there carry a hash of the content.
  build: { outDir: '../server/dist/dashboard', assetsDir: 'assets', emptyOutDir: true, target: 'es2022' },
  server: { proxy: { '/v1': { target: GATEWAY, ws: true } } },
})
