import { readFile } from 'node:fs/promises'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { startSmtp } from '@lifeboat/testkit/smtp.ts'
import { describe, expect, it } from 'vitest'
import { type EmailOptions, openEmail } from '../src/channels/email.ts'
import { LOGIN, mailTo } from './alerter-world.ts'

const message = {
  messageId: '<abc.1@test.lifeboat>',
  subject: '[lifeboat test] OPEN: Größe „falsch“',
  text: 'plain\n',
  html: '<p>rich</p>',
  to: ['ops@example.com', 'boss@example.com'],
}

const plain = (port: number, over: Partial<EmailOptions> = {}): EmailOptions => ({
  host: '127.0.0.1',
  port,
  security: 'none',
  from: 'lifeboat@example.com',
  timeoutMs: 120_000,
  ...over,
})

const refusal = (facts: object) =>
  expect.toSatisfy((err: unknown) => {
    expect(LifeboatError.is(err, 'ALERT_NOT_SENT')).toBe(true)
    expect((err as LifeboatError).facts).toMatchObject(facts)
    return true
  })

describe.concurrent('mail by SMTP', () => {
  it('arrives encrypted and logged in, as text and HTML, with the Message-ID it was given', async () => {
    await using smtp = await startSmtp({ auth: LOGIN })
    await using email = await mailTo(smtp)
    expect(await email.send({ ...message, inReplyTo: '<abc.0@test.lifeboat>' })).toEqual({ refused: [] })
    const mail = await smtp.waitForMail(() => true)
    expect(mail).toMatchObject({
      messageId: '<abc.1@test.lifeboat>',
      subject: message.subject,
      recipients: message.to,
      secure: true,
      user: 'lifeboat',
      text: 'plain\n',
      html: '<p>rich</p>',
    })
    expect(mail.header('In-Reply-To')).toBe('<abc.0@test.lifeboat>')
    expect(mail.header('Auto-Submitted')).toBe('auto-generated')
  })

  it('is not sent in the clear when STARTTLS is demanded and not offered', async () => {
    await using smtp = await startSmtp({ starttls: false })
    await using email = openEmail(plain(smtp.port, { security: 'starttls' }))
    await expect(email.send(message)).rejects.toThrow(refusal({ code: 'ETLS' }))
    expect(smtp.inbox).toEqual([])
  })

  it('is not sent to a server whose certificate nobody vouches for', async () => {
    await using smtp = await startSmtp({ auth: LOGIN })
    const login = { user: LOGIN.user, password: new Secret(LOGIN.pass) }
    await using email = openEmail(plain(smtp.port, { security: 'starttls', login }))
    await expect(email.send(message)).rejects.toThrow(refusal({ command: 'CONN' }))
    expect(smtp.inbox).toEqual([])
  })

  it('with a wrong password says so and never what the password was', async () => {
    await using smtp = await startSmtp({ auth: LOGIN })
    const ca = await readFile(smtp.caFile, 'utf8')
    const login = { user: LOGIN.user, password: new Secret('hunter2hunter2') }
    await using email = openEmail(plain(smtp.port, { security: 'starttls', ca, login }))
    const err = await email.send(message).catch((thrown: unknown) => thrown)
    expect(err).toEqual(refusal({ code: 'EAUTH', responseCode: 535 }))
    expect(JSON.stringify([(err as LifeboatError).toReport(), (err as Error).message])).not.toContain('hunter2')
  })

  it('to a server that never answers is given up after its time', async () => {
    await using smtp = await startSmtp({ starttls: false, failing: () => 'hang' })
    await using email = openEmail(plain(smtp.port, { timeoutMs: 300 }))
    await expect(email.send(message)).rejects.toThrow(refusal({ port: smtp.port }))
  })

  it('to nobody listening is refused at once', async () => {
    await using smtp = await startSmtp({ starttls: false })
    await smtp.stop()
    await using email = openEmail(plain(smtp.port))
    await expect(email.send(message)).rejects.toThrow(refusal({ command: 'CONN' }))
    await expect(email.tryOut()).rejects.toThrow(refusal({ command: 'CONN' }))
  })

  it('is tried out with the login and without a mail', async () => {
    await using smtp = await startSmtp({ auth: LOGIN })
    await using email = await mailTo(smtp)
    await email.tryOut()
    const ca = await readFile(smtp.caFile, 'utf8')
    const login = { user: LOGIN.user, password: new Secret('changed by somebody') }
    await using refused = openEmail(plain(smtp.port, { security: 'starttls', ca, login }))
    await expect(refused.tryOut()).rejects.toThrow(refusal({ responseCode: 535 }))
    expect(smtp.inbox).toEqual([])
  })

  it('names the recipients that were refused and reaches the others', async () => {
    await using smtp = await startSmtp({ starttls: false, unknown: ['boss@example.com'] })
    await using email = openEmail(plain(smtp.port))
    expect(await email.send(message)).toEqual({
      refused: [{ recipient: 'boss@example.com', forGood: true, answer: '550 no such user here' }],
    })
    expect((await smtp.waitForMail(() => true)).recipients).toEqual(['ops@example.com'])
  })
})
