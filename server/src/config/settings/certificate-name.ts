/** Parts of a client certificate that can say who it is of: the common name, or a name among the alternative ones. */
export const CERTIFICATE_NAMES = ['cn', 'dns', 'uri', 'email'] as const
export type CertificateName = (typeof CERTIFICATE_NAMES)[number]
