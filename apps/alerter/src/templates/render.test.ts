import { moment } from '@lifeboat/shared/domain/ids.ts'
import { describe, expect, it } from 'vitest'
import { anIncident, at } from '../../test/builders.ts'
import type { NoticeKind } from '../incidents.ts'
import { renderMail } from './render.ts'

const context = {
  fleet: 'records-fhir',
  dashboard: 'https://grafana.internal/d/lifeboat',
  nowMs: at('26T06:20'),
  repeatMs: 4 * 3_600_000,
}
const resolvedAt = moment(at('26T06:20'))

describe('renderMail', () => {
  it.each<NoticeKind>(['opened', 'repeated', 'worsened', 'resolved'])(
    'writes the mail of an incident %s',
    async (kind) => {
      const incident = anIncident({
        notifications: 2,
        ...(kind === 'resolved' ? { state: 'resolved', resolvedAt } : {}),
      })
      const mail = renderMail(incident, kind, context)
      await expect(`Subject: ${mail.subject}\n\n${mail.text}`).toMatchFileSnapshot(
        `../../test/golden/mail-${kind}.golden.txt`,
      )
      await expect(mail.html).toMatchFileSnapshot(`../../test/golden/mail-${kind}.golden.html`)
    },
  )

  it('what a tool said reaches the reader as text, never as markup, and never as a header', () => {
    const nasty = `<script>alert(1)</script> & "quotes" 'n\r\nBcc: everybody@example.com\u2028`
    const mail = renderMail(anIncident({ title: nasty, details: [nasty], hint: nasty }), 'opened', context)
    expect(mail.html).not.toContain('<script>')
    expect(mail.html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot; &#39;n')
    expect(mail.subject).not.toMatch(/[\r\n\u2028]/)
    expect(mail.text.split('\n').filter((line) => line.startsWith('Bcc:'))).toEqual([])
  })

  it('a warning is not dressed as an alarm', () => {
    const html = (severity: 'critical' | 'warning') => renderMail(anIncident({ severity }), 'opened', context).html
    expect(html('warning')).not.toContain('#b42318')
    expect(html('critical')).toContain('#b42318')
  })
})
