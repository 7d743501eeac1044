import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import { heldIdentities } from '@lifeboat/config/held-identities.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import type { ExitName } from '../exit-codes.ts'
import { checkKeys, type KeyCheck } from '../keys/check-keys.ts'
import { keyCheckText } from '../keys/check-text.ts'
import { withFleet } from '../open-fleet.ts'

/** Says of everything that is kept which declared identity opens it; reads the catalogue, not the targets. */
export const keyCheck: Command<{ without?: string[] }> = ({ without = [] }, context) =>
  withFleet(context, ['encryption', 'wal'], async ({ bus, config }) => {
    const declared = heldIdentities(config.encryption)
    for (const name of without) demandName(name, declared)
    const identities = declared.filter(({ name }) => !without.includes(name))
    const catalog = await KvCatalog.open(bus)
    const records = await bus.bucket(WAL_RECORD_BUCKET)
    const wal = []
    for (const sourceId of Object.keys(config.wal)) wal.push((await records.get(sourceId))?.value)
    const kept = { backups: catalog.all(), wal: wal.filter((record) => record !== undefined) }
    const check = await checkKeys(kept, { identities, declared, nowMs: context.clock.now() })
    return {
      value: { ...check, without },
      text: (style) => keyCheckText(check, { without, recipients: config.encryption.recipients }, style),
      exit: exitOf(check),
    }
  })

function demandName(name: string, declared: readonly { name: string }[]): void {
  const names = declared.map((identity) => identity.name)
  if (names.includes(name)) return
  const problem = 'no identity is declared under this name in `encryption.identities`'
  throw new LifeboatError('CLI_USAGE', { given: name, problem, suggestion: suggestName(name, names) })
}

function exitOf({ counts }: KeyCheck): ExitName {
  if (counts.unreadable > 0) return 'failed'
  return counts.ending + counts.unknown > 0 ? 'attention' : 'ok'
}
