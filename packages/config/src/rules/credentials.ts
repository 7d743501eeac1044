import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, list, text } from './raw.ts'

/** Credentials by halves, and secrets in places where nobody expects them. Never repeats a value. */
export const credentialFindings: Rule = (raw) => [
  ...halves(block(raw.bus), ['bus'], 'user', 'password'),
  ...halves(block(block(raw.alerting).email), ['alerting', 'email'], 'user', 'password'),
  ...blocks(raw, 'targets').flatMap(([id, target]) => targetFindings(id, target)),
  ...blocks(raw, 'sources').flatMap(([id, source]) => tlsFindings(id, source)),
  ...urlFindings(raw),
  ...keyFindings(raw),
]

function halves(owner: Raw, path: Path, first: string, second: string): Finding[] {
  const has = [owner[first] !== undefined, owner[second] !== undefined]
  if (has[0] === has[1]) return []
  const [given, absent] = has[0] ? [first, second] : [second, first]
  return [
    {
      severity: 'error',
      path: [...path, given],
      at: 'key',
      message: `${given} is given but ${absent} is not`,
      hint: `Add ${absent} or remove ${given}.`,
    },
  ]
}

function targetFindings(id: string, target: Raw): Finding[] {
  const path = ['targets', id]
  if (target.kind === 's3') return halves(target, path, 'accessKeyId', 'secretAccessKey')
  const both = target.kind === 'azure' && target.accountKey !== undefined && target.sasToken !== undefined
  return both
    ? [
        {
          severity: 'error',
          path: [...path, 'sasToken'],
          at: 'key',
          message: 'accountKey and sasToken are both given',
          hint: 'Keep the one with fewer rights: sasToken.',
        },
      ]
    : []
}

function tlsFindings(id: string, source: Raw): Finding[] {
  const mode = text(source.sslmode) ?? 'prefer'
  const path = ['sources', id, 'sslmode']
  if (text(source.host)?.startsWith('/') && ['require', 'verify-ca', 'verify-full'].includes(mode))
    return [
      {
        severity: 'error',
        path,
        message: `${mode} cannot be had over a Unix socket`,
        hint: 'Use a host name, or leave sslmode out.',
      },
    ]
  if (mode.startsWith('verify-') && source.sslrootcert === undefined)
    return [
      {
        severity: 'error',
        path,
        message: `${mode} needs sslrootcert`,
        hint: 'Name the CA file that signed the certificate of the server.',
      },
    ]
  return []
}

function urlFindings(raw: Raw): Finding[] {
  const urls: [unknown, Path][] = [
    ...list(block(raw.bus).servers).map((url, i): [unknown, Path] => [url, ['bus', 'servers', i]]),
    ...blocks(raw, 'agents').map(([id, agent]): [unknown, Path] => [agent.url, ['agents', id, 'url']]),
    ...blocks(raw, 'targets').map(([id, target]): [unknown, Path] => [target.endpoint, ['targets', id, 'endpoint']]),
    [block(raw.alerting).dashboard, ['alerting', 'dashboard']],
  ]
  return urls
    .filter(([url]) => typeof url === 'string' && (/:\/\/[^/@]*@/.test(url) || /[?&]sig=/.test(url)))
    .map(([, path]) => ({ severity: 'error', path, message: 'a secret stands inside this URL', hint: URL_HINT }))
}

const URL_HINT =
  'Take it out of the URL and give it by its own setting as env:NAME or file:PATH; change the secret, it has been on disk.'

function keyFindings(raw: Raw): Finding[] {
  const found: Finding[] = []
  for (const [i, recipient] of list(block(raw.encryption).recipients).entries())
    if (text(recipient)?.startsWith('AGE-SECRET-KEY-'))
      found.push({
        severity: 'error',
        path: ['encryption', 'recipients', i],
        message: 'this is a private identity, not a public key',
        hint: KEY_HINT,
      })
  for (const [id, key] of Object.entries(block(raw.signers)))
    if (text(key)?.includes('.'))
      found.push({
        severity: 'error',
        path: ['signers', id],
        message: 'this is a private signing key, not a public one',
        hint: KEY_HINT,
      })
    else if (text(key) !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(text(key) as string))
      found.push({
        severity: 'error',
        path: ['signers', id],
        message: 'this is no public signing key',
        hint: 'It has 43 letters; `lifeboat key new` prints it.',
      })
  return found
}

const KEY_HINT = 'Put the public half here, and make a new key: this one has been seen.'
