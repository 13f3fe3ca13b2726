import { NoMaster } from './errors.ts'

/** Says in plain words why there is no connection. */
export interface ConnectionFault {
  readonly why: string
  /** Waiting does not help: the address has to be corrected. */
  readonly isFinal: boolean
}

interface Kind {
  readonly matches: RegExp
  readonly why: string
  readonly isFinal?: true
}

/** A Redis without TLS also answers a TLS greeting like this. */
export const SILENT = 'it does not answer; are host and port right, and TLS (rediss://) or its absence (redis://)?'

/** While it loads, no answer is an error: nothing tells it from one that hangs. */
export const CONNECTED_AND_SILENT =
  'it takes connections and does not answer: it hangs, is paused, is no Redis, or is still reading its data; TIDEGATE_REDIS_WAIT_SECONDS sets how long to wait'

/** First match wins; matched against code and message of the error. */
const KINDS: readonly Kind[] = [
  {
    matches: /WRONGPASS|invalid username-password|invalid password/,
    why: 'it refuses the user name or password of REDIS_URL',
    isFinal: true,
  },
  {
    matches: /NOAUTH|Authentication required/,
    why: 'it asks for a password, and REDIS_URL has none (redis://:password@host)',
    isFinal: true,
  },
  {
    matches: /NOPERM|The user executing the script can't/,
    why: 'the user of REDIS_URL may not run what Tidegate needs; docs/redis.md has its rights',
    isFinal: true,
  },
  {
    matches: /DB index is out of range|invalid DB index/,
    why: 'it has no database of the number in REDIS_URL; choose another, or raise `databases` of that Redis',
    isFinal: true,
  },
  {
    matches: /unknown command '?select/i,
    why: 'it is a Sentinel, which holds no data; use redis+sentinel://host:port/name for the master it watches',
    isFinal: true,
  },
  {
    matches: /^ERR unknown command/,
    why: 'it does not know a command that Tidegate needs; take `rename-command` out of its configuration',
    isFinal: true,
  },
  {
    matches: /SELECT is not allowed/,
    why: 'it is a node of a cluster, which has only database 0; use redis+cluster://host:port,host:port,...',
    isFinal: true,
  },
  {
    matches: /Protocol error|unknown RESP|reply type/i,
    why: 'what listens there does not speak the protocol of Redis; is the port right?',
    isFinal: true,
  },
  {
    matches: /^MISCONF.*RDB/,
    why: 'its last snapshot failed, and so it takes nothing; its log says why: a full disk, its permissions, or no memory for a fork (sysctl vm.overcommit_memory=1)',
  },
  {
    matches: /^MISCONF/,
    why: 'it cannot write to its disk, and so takes nothing; make room there, look at its permissions and at the log of Redis',
  },
  { matches: /^OOM/, why: 'its memory is full; raise maxmemory, or shorten the retention of topics' },
  {
    matches: /max number of clients reached/,
    why: 'it has no connection left; raise maxclients, or look for who holds them (CLIENT LIST)',
  },
  {
    matches: /^NOREPLICAS/,
    why: 'too few replicas follow it, and so it takes nothing; start replicas, or lower min-replicas-to-write',
  },
  { matches: /LOADING/, why: 'it is still reading its data; TIDEGATE_REDIS_WAIT_SECONDS sets how long to wait' },
  { matches: /MASTERDOWN/, why: 'it is a replica without a connection to its master; use the address of the master' },
  { matches: /ENOTFOUND|EAI_AGAIN/, why: 'the host name cannot be resolved' },
  { matches: /ECONNREFUSED/, why: 'nothing listens at that address; is it running?' },
  { matches: /ENOENT/, why: 'there is no unix socket at that path' },
  { matches: /EACCES|EPERM/, why: 'this user may not open it' },
  { matches: /EMFILE|ENFILE/, why: 'this process may not open more files; raise the limit (ulimit -n)' },
  {
    matches: /WRONG_VERSION_NUMBER|EPROTO|wrong version number|packet length too long/,
    why: 'it does not speak TLS at that port; use redis:// instead of rediss://',
  },
  {
    matches:
      /ALERT_CERTIFICATE_REQUIRED|ALERT_UNKNOWN_CA|ALERT_BAD_CERTIFICATE|alert (certificate required|unknown ca)/i,
    why: 'it asks for a client certificate that it accepts; name its files (rediss://host?cert=file&key=file)',
  },
  {
    matches: /ALTNAME|does not match certificate/,
    why: 'its TLS certificate is for another name; say which one with ?servername=name',
  },
  {
    matches: /CERT_HAS_EXPIRED|certificate has expired/,
    why: 'its TLS certificate has expired, or the clock of this machine is wrong; renew it',
  },
  {
    matches: /CERT_NOT_YET_VALID|not yet valid/,
    why: 'its TLS certificate is not valid yet; is the clock of this machine right?',
  },
  {
    matches: /alert certificate (expired|revoked)|ALERT_CERTIFICATE_(EXPIRED|REVOKED)/i,
    why: 'it refuses our client certificate, which has expired or was revoked; renew the file in `cert` of REDIS_URL',
  },
  {
    matches: /CERT|SELF_SIGNED|self-signed|UNABLE_TO|ERR_TLS|certificate/,
    why: 'its TLS certificate is not accepted: no authority that is known here has signed it; for one of your own name its file (rediss://host?ca=file), or set NODE_EXTRA_CA_CERTS',
  },
  {
    matches: /ECONNRESET|EPIPE|Connection is closed|socket disconnected/,
    why: 'it closes the connection; does that port want TLS (rediss://), or a client certificate?',
  },
  { matches: /^Socket timeout/, why: CONNECTED_AND_SILENT },
  { matches: /ETIMEDOUT|timed out|timeout|EHOSTUNREACH|ENETUNREACH/i, why: SILENT },
]

export function connectionFault(error: Error): ConnectionFault {
  if (error instanceof NoMaster) return { why: error.message, isFinal: error.isFinal }
  const { code } = error as NodeJS.ErrnoException
  const text = code === undefined || error.message.includes(code) ? error.message : `${code} ${error.message}`
  const kind = KINDS.find(({ matches }) => matches.test(text))
  // Only the message: the error also carries the arguments of the command, and those of AUTH hold the password.
  const said = text.split('\n')[0]!.trim()
  return { why: kind === undefined ? said : `${kind.why} (${said})`, isFinal: kind?.isFinal ?? false }
}
