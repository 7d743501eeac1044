import type { Letterhead } from './render.ts'

const FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"

/** Tables and inline styles: what mail programs agree on. Every value is escaped, wherever it comes from. */
export function html(letter: Letterhead): string {
  const { headline, title, color, facts, details, hint, footer, dashboard } = letter
  return `${[
    '<!doctype html>',
    '<html lang="en">',
    `<head><meta charset="utf-8"><title>${escapeHtml(`${headline}: ${title}`)}</title></head>`,
    `<body style="margin:0;padding:24px;background:#f6f8fa;color:#1f2328;${FONT};font-size:14px;line-height:1.5">`,
    '<table role="presentation" cellpadding="0" cellspacing="0" style="max-width:640px;width:100%;margin:0 auto;background:#ffffff;border:1px solid #d0d7de">',
    `<tr><td style="padding:16px 24px;background:${color};color:#ffffff"><strong>${escapeHtml(headline)}</strong><br><span style="font-size:18px">${escapeHtml(title)}</span></td></tr>`,
    `<tr><td style="padding:16px 24px"><table role="presentation" cellpadding="0" cellspacing="0">${facts.map(fact).join('')}</table></td></tr>`,
    `<tr><td style="padding:0 24px 16px"><strong>${hint === undefined ? 'What it was about' : 'What is known'}</strong><ul style="margin:8px 0;padding-left:20px">${details.map(item).join('')}</ul></td></tr>`,
    ...(hint === undefined
      ? []
      : [`<tr><td style="padding:0 24px 16px"><strong>What to do</strong><br>${escapeHtml(hint)}</td></tr>`]),
    ...(dashboard === undefined
      ? []
      : [
          `<tr><td style="padding:0 24px 16px"><a href="${escapeHtml(dashboard)}">${escapeHtml(dashboard)}</a></td></tr>`,
        ]),
    `<tr><td style="padding:12px 24px;border-top:1px solid #d0d7de;color:#656d76;font-size:12px">${footer.map(escapeHtml).join('<br>')}</td></tr>`,
    '</table>',
    '</body>',
    '</html>',
  ].join('\n')}\n`
}

function fact([name, value]: readonly [string, string]): string {
  return `<tr><td style="padding-right:16px;color:#656d76">${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`
}

function item(detail: string): string {
  return `<li>${escapeHtml(detail)}</li>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
