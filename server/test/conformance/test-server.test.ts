import { conformanceTests } from './conformance.ts'
import { fakeServer } from './subject.ts'

conformanceTests('the test server', fakeServer)
