import { ByteSize } from '@lifeboat/shared/time/duration.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, text } from './raw.ts'

/** Two things that would use the same place. */
export const collisionFindings: Rule = (raw) => {
  const agents = blocks(raw, 'agents')
  const targets = blocks(raw, 'targets')
  return [
    ...twice(agents, ['agents'], ['spool', 'path'], 'this spool folder', spoolPlace),
    ...twice(agents, ['agents'], ['url'], 'this address', (agent) => text(agent.url)?.replace(/\/$/, '')),
    ...twice(targets, ['targets'], [], 'the same place', storePlace),
    ...agents.flatMap(([id, agent]) => spoolFindings(id, block(agent.spool))),
  ]
}

/** Folders of two agents are the same one only when the agents live on one host. */
function spoolPlace(agent: Raw): string | undefined {
  const path = text(block(agent.spool).path)?.replace(/\/+$/, '')
  return path === undefined ? undefined : `${hostOf(text(agent.url))} ${path}`
}

function hostOf(url: string | undefined): string {
  return url !== undefined && URL.canParse(url) ? new URL(url).hostname : ''
}

function storePlace(target: Raw): string | undefined {
  const where = [target.bucket, target.container, target.path].find((part) => typeof part === 'string')
  const parts = [target.kind, target.endpoint, target.account, where, target.prefix]
  return where === undefined ? undefined : parts.map((part) => text(part) ?? '').join(' ')
}

function twice(
  entries: [string, Raw][],
  base: Path,
  field: Path,
  what: string,
  placeOf: (entry: Raw) => string | undefined,
): Finding[] {
  const owners = new Map<string, string>()
  return entries.flatMap(([id, entry]): Finding[] => {
    const place = placeOf(entry)
    const owner = place === undefined ? undefined : owners.get(place)
    if (place !== undefined && owner === undefined) owners.set(place, id)
    if (owner === undefined) return []
    const path = [...base, id, ...field]
    return [
      {
        severity: 'error',
        path,
        ...(field.length === 0 ? { at: 'key' as const } : {}),
        message: `${owner} uses ${what} already`,
        hint: `Give ${id} one of its own.`,
      },
    ]
  })
}

function spoolFindings(id: string, spool: Raw): Finding[] {
  const room = ByteSize.safeParse(spool.maxBytes ?? '10GiB')
  const part = ByteSize.safeParse(spool.partBytes ?? '64MiB')
  if (!room.success || !part.success || room.data >= 2 * part.data) return []
  const given = spool.maxBytes === undefined ? 'partBytes' : 'maxBytes'
  return [
    {
      severity: 'error',
      path: ['agents', id, 'spool', given],
      message: 'the spool has no room for two parts',
      hint: 'Raise maxBytes or lower partBytes.',
    },
  ]
}
