import type { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { createTransport } from 'nodemailer'
import type { Channel, Message } from './channel.ts'

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
    async send(message) {
      try {
        const { rejected } = await transport.sendMail(toMail(message, opts.from))
        return { refused: rejected.map(String) }
      } catch (thrown) {
        throw notSent(thrown, opts)
      }
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

/** @see https://nodemailer.com/errors – `code`, `command`, `responseCode`, `response` */
function notSent(thrown: unknown, { host, port }: EmailOptions): LifeboatError {
  const { code, command, responseCode, response, message } = thrown as Record<string, string | number | undefined>
  const facts = { host, port, code, command, responseCode, answer: response ?? message }
  return new LifeboatError('ALERT_NOT_SENT', facts, { cause: thrown })
}
