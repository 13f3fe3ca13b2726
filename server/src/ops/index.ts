export { FIRST_METRICS_PORT, type OpsServer, openOpsServer } from './ops-server.ts'
