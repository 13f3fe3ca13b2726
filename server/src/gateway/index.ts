export { Gateway } from './gateway.ts'
export { StaticFiles } from './http/static-files.ts'
export { Readiness } from './readiness.ts'
export { createUwsTransport } from './transport/uws.ts'
