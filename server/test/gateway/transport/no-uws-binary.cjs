// Preloaded into a process: there uWebSockets.js has no binary, as on a system it is not built for.
const Module = require('node:module')
const load = Module._load
Module._load = function (name, ...rest) {
  if (name.startsWith('@uwsjs/')) throw new Error(`no binary ${name}`)
  return load.call(this, name, ...rest)
}
