export { deploymentFindings, type Expected } from './deployment-findings.ts'
export { bySeverity, type Examination, type Finding } from './finding.ts'
export { type MachineFacts, machineFindings } from './machine-findings.ts'
export { redisFindings } from './redis-findings.ts'
