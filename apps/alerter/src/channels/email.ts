import type { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { createTransport } from 'nodemailer'
import type { Channel, Message, Refusal } from './channel.ts'

export interface EmailOptions {
  host: string
  port: number
  /** `starttls` refuses to go on without it; `tls` from the first byte; `none` sends in the clear. */
  security: 'starttls' | 'tls' | 'none'
  /** PEM of the CA of the mail server; default: the public ones. */
  ca?: string | undefined
  login?: { user: string; password: Secret } | undefined
  from: string
  /** Milliseconds to connect, to be greeted, and of silence; default 20 s. */
  timeoutMs?: number | undefined
}

const TIMEOUT_MS = 20_000

/** Mail by SMTP, a fresh connection each time: alerts are rare and a stale connection would lose the first. */
export function openEmail(opts: EmailOptions): Channel {
  const timeoutMs = opts.timeoutMs ?? TIMEOUT_MS
  const transport = createTransport({
    host: opts.host,
    port: opts.port,
    secure: opts.security === 'tls',
    requireTLS: opts.security === 'starttls',
    ignoreTLS: opts.security === 'none',
    ...(opts.login ? { auth: { user: opts.login.user, pass: opts.login.password.reveal() } } : {}),
    tls: { minVersion: 'TLSv1.2', ...(opts.ca === undefined ? {} : { ca: opts.ca }) },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name: `${opts.host}:${opts.port}`,
    async send(message) {
      try {
        return { refused: refusalsIn(await transport.sendMail(toMail(message, opts.from))) }
      } catch (thrown) {
        const refused = refusalsIn(thrown as Refusing)
        if (refused.some(({ forGood }) => forGood)) return { refused }
        throw notSent(thrown, opts)
      }
    },
    async tryOut() {
      await transport.verify().catch((thrown: unknown) => {
        throw notSent(thrown, opts)
      })
    },
    async [Symbol.asyncDispose]() {
      transport.close()
    },
  }
}

function toMail({ messageId, inReplyTo, subject, text, html, to }: Message, from: string) {
  return {
    from,
    to: [...to],
    subject,
    text,
    html,
    messageId,
    ...(inReplyTo === undefined ? {} : { inReplyTo, references: inReplyTo }),
    // Keeps out-of-office programs quiet (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

type RecipientError = Error & {
  recipient?: string | undefined
  responseCode?: number | undefined
  response?: string | undefined
}

/** A result, or the error when no recipient was taken. */
interface Refusing {
  rejectedErrors?: readonly RecipientError[] | undefined
}

/** @see https://nodemailer.com/smtp – `rejectedErrors`: one error per recipient the server refused */
function refusalsIn({ rejectedErrors = [] }: Refusing): Refusal[] {
  return rejectedErrors.map(({ recipient = '', responseCode = 0, response, message }) => ({
    recipient,
    forGood: responseCode >= 500,
    answer: response ?? message,
  }))
}

/** @see https://nodemailer.com/errors – `code`, `command`, `responseCode`, `response` */
function notSent(thrown: unknown, { host, port }: EmailOptions): LifeboatError {
  const { code, command, responseCode, response, message } = thrown as Record<string, string | number | undefined>
  const facts = { host, port, code, command, responseCode, answer: response ?? message }
  return new LifeboatError('ALERT_NOT_SENT', facts, { cause: thrown })
}
