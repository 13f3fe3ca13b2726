import type { Query } from '../query.ts'
import { q1 } from './q1.ts'
import { q2 } from './q2.ts'
import { q5 } from './q5.ts'
import { q7 } from './q7.ts'
import { q11 } from './q11.ts'
import { q12 } from './q12.ts'
import { q12Regrouped } from './q12-regrouped.ts'
import { q17 } from './q17.ts'

export const QUERIES: readonly Query[] = [q1, q2, q5, q7, q11, q12, q12Regrouped, q17]
