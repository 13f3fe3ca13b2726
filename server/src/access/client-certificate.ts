import { X509Certificate } from 'node:crypto'
import type { CertificateName } from '../config/settings/certificate-name.ts'
import { type Identity, isReservedSubject } from './caller.ts'
import { type Refusal, refusal } from './refusal.ts'
import { MAX_SUBJECT_CHARS } from './token-verifier.ts'

/**
 * The owner of a client certificate. It was verified when its connection began: by its authority, and that its time had come.
 *
 * @param pem as the client showed it @param name the part of it that says who
 */
export function certificateIdentity(pem: string, name: CertificateName): Identity | Refusal {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pem)
  } catch {
    return refusal('the client certificate cannot be read')
  }
  const names = name === 'cn' ? commonNames(certificate) : alternativeNames(certificate.subjectAltName ?? '', name)
  const [subject, ...more] = names
  // Of several it would not be sure which one rules are about.
  if (subject === undefined || more.length > 0)
    return refusal(`the client certificate has ${names.length} names of ${name}`)
  if (subject === '' || subject.length > MAX_SUBJECT_CHARS || !/^[\x20-\x7e]+$/.test(subject)) {
    return refusal(`the name in the client certificate is not 1 to ${MAX_SUBJECT_CHARS} characters of ASCII`)
  }
  if (isReservedSubject(subject)) return refusal('the name in the client certificate is of another kind of caller')
  return {
    ...{ kind: 'certificate', subject, grants: [] },
    issuedAt: Date.parse(certificate.validFrom),
    expiresAt: Date.parse(certificate.validTo),
  }
}

function commonNames(certificate: X509Certificate): readonly string[] {
  const { CN: name } = certificate.toLegacyObject().subject as { readonly CN?: string | readonly string[] }
  return [name ?? []].flat()
}

const LABELS = { dns: 'DNS', uri: 'URI', email: 'email' } as const
/** One of a list: Node writes what could be mistaken for two as a string of JSON. */
const ENTRY = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y

/** @param text as Node writes the alternative names of a certificate */
export function alternativeNames(text: string, name: Exclude<CertificateName, 'cn'>): readonly string[] {
  const found: string[] = []
  ENTRY.lastIndex = 0
  for (let entry = ENTRY.exec(text); entry !== null && entry[0] !== ''; entry = ENTRY.exec(text)) {
    const [, label, value] = entry as unknown as [string, string, string]
    if (label === LABELS[name]) found.push(value.startsWith('"') ? (JSON.parse(value) as string) : value)
  }
  return found
}
