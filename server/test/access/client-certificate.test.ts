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
const KEY_BILLING = `-----BEGIN CERTIFICATE-----
MIIBmTCCAT+gAwIBAgIUOmNw5m1vut1k95GRvGrYzQ1haQIwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLa2V5OmJpbGxpbmcwHhcNMjYxMTI5MDA1MzAzWhcNMjYxMjI5
MDA1MzAzWjAWMRQwEgYDVQQDDAtrZXk6YmlsbGluZzBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABONUHjo+Qy+Ng/3pGCfxgGnSqXsqftYeidS21yLzvltVtxJvlBYD
94JcJaeZZrtlwxCKPZgWGVoiORnEAOnrnIejazBpMB0GA1UdDgQWBBT0KI0/S+wG
m0Wz07UegmHTtx2NTTAfBgNVHSMEGDAWgBT0KI0/S+wGm0Wz07UegmHTtx2NTTAP
BgNVHRMBAf8EBTADAQH/MBYGA1UdEQQPMA2GC2tleTpiaWxsaW5nMAoGCCqGSM49
BAMCA0gAMEUCICJE1F+yaNRNi/8oCaXnmi2LjxpnvoVlM7MMuzv7ARFPAiEA6XsU
uvkgEiMG2V9eHsCZTJ1B8wbDulCYC/kx+nlDvgU=
-----END CERTIFICATE-----
`
const ANONYMOUS = `-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIUJrQZX0rSAMOeNVr+jZjnW+XQS8gwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJYW5vbnltb3VzMB4XDTI2MTEyOTAwNTMwM1oXDTI2MTIyOTAw
NTMwM1owFDESMBAGA1UEAwwJYW5vbnltb3VzMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEP3NMLlQYLx82B2xg1wzgmHbzQqSQ72arCEidogiBFOxMmj257n7FWxRu
YJYNN6zLR8+QJ/w3cWFQb/Sm6Vx7J6NpMGcwHQYDVR0OBBYEFBafGn7/CY5N9xfv
VAn+KeL+7xJfMB8GA1UdIwQYMBaAFBafGn7/CY5N9xfvVAn+KeL+7xJfMA8GA1Ud
EwEB/wQFMAMBAf8wFAYDVR0RBA0wC4YJYW5vbnltb3VzMAoGCCqGSM49BAMCA0gA
MEUCIQDU9gW03drUdM7ck6a4A8crZXCeqUbmIe3drNr/FPOEXAIgBdqtJ10njQOY
PVU326GUKv+cISPIVaze2WsRfdo0NG4=
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

it('ACC-TOKEN-6 a name that is of an API key, or of nobody, is of no certificate, in whichever part of it', () => {
  for (const pem of [KEY_BILLING, ANONYMOUS]) {
    for (const name of ['cn', 'uri'] as const) {
      const reason = expect.stringContaining('of another kind of caller')
      expect(certificateIdentity(pem, name)).toMatchObject({ kind: 'refused', code: 'unauthorized', reason })
    }
  }
})
