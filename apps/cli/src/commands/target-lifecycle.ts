import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { lifecycleOf } from '@lifeboat/storage/lifecycle.ts'
import type { Command } from '../context.ts'
import { readSettings } from '../open-fleet.ts'

/** Prints the rules by which a store moves parts by age, for the tool of its cloud. Asks nobody and changes nothing; with --json the document alone. */
export const targetLifecycle: Command<{ name: string }> = async ({ name }, context) => {
  const { config } = await readSettings(context, ['targets'])
  const known = Object.keys(config.targets)
  if (!known.includes(name)) throw new LifeboatError('TARGET_UNKNOWN', { name, suggestion: suggestName(name, known) })
  const found = lifecycleOf(config.targets, name as TargetId)
  if (found === undefined) throw new LifeboatError('TARGET_MOVES_NOTHING', { targetId: name })
  const { document, command, replaces, targets } = found
  return {
    value: document,
    text: (style) =>
      [
        JSON.stringify(document, null, 2),
        '',
        style.bold('apply it with'),
        `  lifeboat target lifecycle ${name} --json > lifecycle.json`,
        `  ${command}`,
        style.warn(`This replaces ${replaces}: add what else you want there to the document first.`),
        ...(targets.length > 1 ? [`It holds the rules of ${targets.join(', ')}, which share them.`] : []),
      ].join('\n'),
  }
}
