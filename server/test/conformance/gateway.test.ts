import { conformanceTests } from './conformance.ts'
import { realServer } from './subject.ts'

conformanceTests('the gateway', realServer)
