import { expect, it } from 'vitest'
import { alternativeNames, certificateIdentity } from '../../src/access/client-certificate.ts'

/** Made once by openssl; their times do not matter here. */
const TILL = `-----BEGIN CERTIFICATE-----
MIIB4TCCAYagAwIBAgIUXhWALPglyTju5dQa9N7vRSZNB0swCgYIKoZIzj0EAwIw
IDENMAsGA1UECgwEQWNtZTEPMA0GA1UEAwwGdGlsbC0zMB4XDTI2MTEyNzIzMzQ1
NloXDTI2MTIyNzIzMzQ1NlowIDENMAsGA1UECgwEQWNtZTEPMA0GA1UEAwwGdGls
bC0zMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELY/RHLfpfj/nN6Z776Zv4FdH
Q3AoocYKIKr/N+olTqqXWNuLBIwwostMpEVXUutISp2TQHXUgkeu2z88MJW1u6OB
nTCBmjAdBgNVHQ4EFgQU0vG1USRiWLctbEe1o9m8G5VM/ukwHwYDVR0jBBgwFoAU
0vG1USRiWLctbEe1o9m8G5VM/ukwDwYDVR0TAQH/BAUwAwEB/zBHBgNVHREEQDA+
hhRzcGlmZmU6Ly9hY21lL3RpbGwtM4IJYS5leGFtcGxlggliLmV4YW1wbGWBEHRp
bGxAZXhhbXBsZS5vcmcwCgYIKoZIzj0EAwIDSQAwRgIhAL/7M6K250A7HqO0Bwah
6+zIOMYlt68MT7E0Oek/A0WFAiEApsQ9nZSRIUln4Hdpe8PdF568mgSJwqouLXfp
9dC2XGU=
-----END CERTIFICATE-----
`
const TWO_NAMES = `-----BEGIN CERTIFICATE-----
MIIBjTCCATOgAwIBAgIUQ0nNKtufLG+fKFKv4vpVGfDCF30wCgYIKoZIzj0EAwIw
HDEMMAoGA1UEAwwDb25lMQwwCgYDVQQDDAN0d28wHhcNMjYxMTI3MjMzNDU3WhcN
MjYxMjI3MjMzNDU3WjAcMQwwCgYDVQQDDANvbmUxDDAKBgNVBAMMA3R3bzBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABAGmMygzdI6bx5ncTuWWWjb39764qudHQEwI
QzfDqR9BqjHrr9EfiG94fLXORGaecLJHg6Adczty0ldLcI/ZfyGjUzBRMB0GA1Ud
DgQWBBR/26FhfCPvfNshhjPxQ5F5MUx/lTAfBgNVHSMEGDAWgBR/26FhfCPvfNsh
hjPxQ5F5MUx/lTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIAFq
8nDpspFQHvDJ5UpLoJmtPhemTIXwWZ3mujX7wAcpAiEAgQXeenqTvAxRDE5Bj422
ie7Dq4yRi4qHv6T+iGPpBiU=
-----END CERTIFICATE-----
`

it('ACC-CERT-1 one name says who a certificate is of, and none where there are several', () => {
  expect(certificateIdentity(TILL, 'cn')).toEqual({
    ...{ kind: 'certificate', subject: 'till-3', grants: [] },
    issuedAt: Date.parse('2026-11-27T23:34:56Z'),
    expiresAt: Date.parse('2026-12-27T23:34:56Z'),
  })
  expect(certificateIdentity(TILL, 'uri')).toMatchObject({ subject: 'spiffe://acme/till-3' })
  expect(certificateIdentity(TILL, 'email')).toMatchObject({ subject: 'till@example.org' })
  for (const [pem, name] of [
    [TILL, 'dns'],
    [TWO_NAMES, 'cn'],
    [TWO_NAMES, 'uri'],
    ['no certificate', 'cn'],
  ] as const) {
    expect(certificateIdentity(pem, name)).toMatchObject({ kind: 'refused', code: 'unauthorized' })
  }
})

it('ACC-CERT-1 a name that looks like several is one', () => {
  const text = 'DNS:"ok, URI:spiffe://acme/admin", IP Address:127.0.0.1, URI:"a\\"b, DNS:c", DNS:last'
  expect(alternativeNames(text, 'dns')).toEqual(['ok, URI:spiffe://acme/admin', 'last'])
  expect(alternativeNames(text, 'uri')).toEqual(['a"b, DNS:c'])
  for (const broken of ['', 'DNS', 'DNS:"x', ', , DNS:a', '::::']) {
    expect(() => alternativeNames(broken, 'dns')).not.toThrow()
  }
})
