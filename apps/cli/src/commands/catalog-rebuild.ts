import { keepingWriter } from '@lifeboat/catalog/expiry/write-keeping.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { type RebuildReport, rebuildCatalog } from '@lifeboat/catalog/rebuild.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { retrying } from '@lifeboat/storage/layers/retrying.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Command } from '../context.ts'
import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'

const SILENCE_MS = 20_000

/** Fills the catalogue from what one target holds. What the catalogue knows already stays; running it twice changes nothing. */
export const catalogRebuild: Command<{ target: string }> = ({ target: name }, context) =>
  withFleet(context, ['targets', 'signers'], async ({ bus, config, secret, log }) => {
    const targetConfig = config.targets[name as TargetId]
    if (!targetConfig)
      throw new LifeboatError('TARGET_UNKNOWN', { name, suggestion: suggestName(name, Object.keys(config.targets)) })
    const ctx = { resolveSecret: async (ref: Parameters<typeof secret>[0]) => secret(ref), log }
    await using bare = await openTarget(name as TargetId, targetConfig, ctx)
    using line = new LiveLine(context.terminal, { silent: context.options.json ?? false })
    const progress = (done: number) =>
      line.progress({ phase: `read ${name}`, done, unit: 'objects' }, context.clock.now())
    const report = await rebuildCatalog(
      await KvCatalog.open(bus),
      retrying(impatient(bare, { silenceMs: SILENCE_MS })),
      {
        ...{ keys: config.signers, fleetId: config.fleet, signal: context.terminal.signal, progress },
        keeping: await keepingWriter(bus),
      },
    )
    return {
      value: { target: name, ...shown(report) },
      text: (style) => reportText(name, report, style),
      exit: report.untrusted.length === 0 ? 'ok' : 'failed',
    }
  })

function shown({ untrusted, ...counts }: RebuildReport) {
  return { ...counts, untrusted: untrusted.map(({ key, error }) => ({ key, error: error.toReport() })) }
}

function reportText(
  name: string,
  { backups, drills, holds, tombstones, untrusted }: RebuildReport,
  style: Style,
): string {
  const kept = `${holds} holds and ${tombstones} tombstones`
  const read = `${backups} backups, ${drills} drills, ${kept} were read from ${name}`
  if (untrusted.length === 0) return style.good(read)
  const doubts = untrusted.map(({ key, error }) => `${key}\n${indent(`${error.title}. ${error.hint}`, '  ')}`)
  return [style.bad(`${read}; ${untrusted.length} documents were not believed:`), ...doubts].join('\n')
}
