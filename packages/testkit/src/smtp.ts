import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { freePort } from './free-port.ts'

/** One mail as the server took it. */
export interface ReceivedMail {
  messageId: string
  subject: string
  from: string
  to: string[]
  /** Recipients of the envelope, which is what decides who gets it. */
  recipients: string[]
  text: string
  html: string
  header(name: string): string | undefined
  /** Whether the connection was encrypted when the mail came. */
  secure: boolean
  /** Who logged in, if anybody did. */
  user: string | undefined
}

export interface SmtpOptions {
  /** Demands this login. */
  auth?: { user: string; pass: string }
  /** Offers STARTTLS with a certificate made on the spot; with `auth`, a login is taken only after it. Default true. */
  starttls?: boolean
  port?: number
  /** Addresses the server does not know: refused one by one with 550. */
  unknown?: readonly string[]
  /** Asked for each mail: a number is the SMTP code to refuse it with (451 for now, 550 for good), `hang` never answers, `drop` takes it and cuts the line before the answer. */
  failing?: (mail: { recipients: string[]; number: number }) => number | 'hang' | 'drop' | undefined
}

export interface SmtpTestServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** PEM file of the CA that signed the server's certificate. */
  readonly caFile: string
  /** Everything taken so far, oldest first. */
  readonly inbox: readonly ReceivedMail[]
  /** Resolves with the first mail, past or future, that fits. Rejects after `withinMs` (default four minutes) and names what did come. */
  waitForMail(fits: (mail: ReceivedMail) => boolean, opts?: { withinMs?: number }): Promise<ReceivedMail>
  /** Refuses connections until `start`. */
  stop(): Promise<void>
  /** Listens again on the same port with the same certificate. */
  start(): Promise<void>
  /** Changes how mails are refused from now on. */
  fail(failing: SmtpOptions['failing']): void
}

/** A real SMTP server on the loopback address that keeps every mail it takes. */
export async function startSmtp(opts: SmtpOptions = {}): Promise<SmtpTestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-smtp-'))
  const certificate = opts.starttls === false ? undefined : await makeCertificate(folder)
  const inbox: ReceivedMail[] = []
  const waiting = new Set<() => void>()
  const state = { failing: opts.failing, attempts: 0 }
  const take = (mail: ReceivedMail) => {
    inbox.push(mail)
    for (const look of waiting) look()
  }
  let server = serverFor(opts, certificate, state, take)
  // While it is stopped nobody else may be given its port.
  const port = await listen(server, opts.port ?? (await freePort()))

  return {
    host: '127.0.0.1',
    port,
    caFile: join(folder, 'ca.pem'),
    inbox,
    waitForMail: (fits, { withinMs = 240_000 } = {}) => waitFor(inbox, waiting, fits, withinMs),
    stop: () => close(server),
    async start() {
      server = serverFor(opts, certificate, state, take)
      await listen(server, port)
    },
    fail(failing) {
      state.failing = failing
    },
    async [Symbol.asyncDispose]() {
      await close(server)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Certificate {
  key: Buffer
  cert: Buffer
}

function serverFor(
  opts: SmtpOptions,
  certificate: Certificate | undefined,
  state: { failing: SmtpOptions['failing']; attempts: number },
  take: (mail: ReceivedMail) => void,
): SMTPServer {
  const options: SMTPServerOptions = {
    ...(certificate ?? {}),
    disabledCommands: [...(certificate ? [] : ['STARTTLS']), ...(opts.auth ? [] : ['AUTH'])],
    authOptional: opts.auth === undefined,
    allowInsecureAuth: certificate === undefined,
    disableReverseLookup: true,
    // Connections that hang on purpose must not hold up the end of a test.
    closeTimeout: 100,
    onAuth(login, _session, done) {
      const right = login.username === opts.auth?.user && login.password === opts.auth?.pass
      if (right) done(null, { user: login.username })
      else done(Object.assign(new Error('Authentication credentials invalid'), { responseCode: 535 }))
    },
    onRcptTo({ address }, _session, done) {
      if (opts.unknown?.includes(address)) done(Object.assign(new Error('no such user here'), { responseCode: 550 }))
      else done()
    },
    onData(stream, session, done) {
      simpleParser(stream).then((parsed) => {
        const recipients = session.envelope.rcptTo.map(({ address }) => address)
        state.attempts += 1
        const answer = state.failing?.({ recipients, number: state.attempts })
        if (answer === 'hang') return
        if (typeof answer === 'number') {
          done(Object.assign(new Error('refused on demand'), { responseCode: answer }))
          return
        }
        take(received(parsed, recipients, session.secure, session.user))
        if (answer === 'drop') dropConnections(server)
        else done()
      }, done)
    },
  }
  const server = new SMTPServer(options)
  // A client that hangs up mid-way is what some tests are about.
  server.on('error', () => {})
  return server
}

function received(parsed: ParsedMail, recipients: string[], secure: boolean, user: unknown): ReceivedMail {
  return {
    messageId: parsed.messageId ?? '',
    subject: parsed.subject ?? '',
    from: parsed.from?.text ?? '',
    to: addresses(parsed.to),
    recipients,
    text: parsed.text ?? '',
    html: parsed.html || '',
    header: (name) =>
      parsed.headerLines.find((line) => line.key === name.toLowerCase())?.line.replace(/^[^:]*:\s*/, ''),
    secure,
    user: typeof user === 'string' ? user : undefined,
  }
}

function addresses(field: AddressObject | AddressObject[] | undefined): string[] {
  return [field ?? []].flat().flatMap((one) => one.value.map(({ address }) => address ?? ''))
}

function dropConnections(server: SMTPServer): void {
  for (const connection of server.connections) connection.close()
}

function listen(server: SMTPServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function close(server: SMTPServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function waitFor(
  inbox: readonly ReceivedMail[],
  waiting: Set<() => void>,
  fits: (mail: ReceivedMail) => boolean,
  withinMs: number,
): Promise<ReceivedMail> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = inbox.find(fits)
      if (found === undefined) return
      waiting.delete(look)
      clearTimeout(timer)
      resolve(found)
    }
    const timer = setTimeout(() => {
      waiting.delete(look)
      reject(
        new Error(`no such mail within ${withinMs} ms; there are: ${inbox.map((mail) => mail.subject).join(' | ')}`),
      )
    }, withinMs)
    waiting.add(look)
    look()
  })
}

/** A CA and a certificate for 127.0.0.1 and localhost, good for a day. */
async function makeCertificate(folder: string): Promise<Certificate> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder })
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...fresh,
    '-days',
    '1',
    '-subj',
    '/CN=Lifeboat test CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  await openssl(
    ...['req', '-x509', ...fresh, '-days', '1', '-subj', '/CN=localhost', '-CA', 'ca.pem', '-CAkey', 'ca.key'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-keyout', 'server.key', '-out', 'server.pem'],
  )
  const [key, cert] = await Promise.all([readFile(join(folder, 'server.key')), readFile(join(folder, 'server.pem'))])
  return { key, cert }
}
