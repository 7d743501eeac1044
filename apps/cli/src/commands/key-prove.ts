import { demandSome } from '@lifeboat/recovery/bare/demand-some.ts'
import { look } from '@lifeboat/recovery/bare/look.ts'
import { recipientOf, x25519Identities } from '@lifeboat/shared/age/identities.ts'
import { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import type { ExitName } from '../exit-codes.ts'
import type { Style } from '../format/style.ts'
import { chooseBackups, proveBackup, proveWal, type Tried } from '../keys/prove-key.ts'
import { readIdentity } from '../keys/read-identity.ts'
import { LiveLine } from '../progress/live-line.ts'
import { openFrom } from '../recover/from-where.ts'
import { parsed } from '../recover/read-wish.ts'

export interface KeyProveArgs {
  from?: string
  identity?: string
  source?: string
  signer?: string[]
  all?: boolean
}

/** Opens the beginnings of kept backups and WAL with one identity and nothing else: bytes, where `key check` believes what is written. */
export const keyProve: Command<KeyProveArgs> = async (args, context) => {
  const { terminal, options, clock } = context
  const identity = await readIdentity(args.identity, terminal)
  const identities = x25519Identities(identity.reveal())
  if (!identities)
    throw new LifeboatError('CLI_USAGE', {
      problem: 'only identities of age itself (AGE-SECRET-KEY-1…) can be tried here',
    })
  const { target: from, signers } = await openFrom(args, context)
  await using target = from
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  const { signal } = terminal
  const sourceId = parsed(SourceId, args.source, '--source')
  const onRead = (done: number) => line.progress({ phase: 'look', done, unit: 'objects' }, clock.now())
  const sight = await look({ target, sourceId, signers, signal, onRead })
  await demandSome(sight, { target, sourceId, signal })
  const recipients = identities.map(recipientOf)
  const trying = { target, identities, recipients, signal }
  const chosen = args.all ? sight.backups : chooseBackups(sight.backups)
  const tried: Tried[] = []
  for (const { manifest } of chosen) {
    tried.push(await proveBackup(manifest, trying))
    line.progress({ phase: 'open', done: tried.length, total: chosen.length, unit: 'objects' }, clock.now())
  }
  for (const source of new Set(sight.backups.map(({ manifest }) => manifest.sourceId)))
    tried.push(...(await proveWal(source, args.all ?? false, trying)))
  const { checked, distrusted } = sight
  return {
    value: { recipients, signatures: checked ? 'checked' : 'unchecked', distrusted, of: sight.backups.length, tried },
    text: (style) => told(tried, { of: sight.backups.length, checked, recipients }, style),
    exit: exitOf(tried),
  }
}

/** Nothing opened proves nothing. */
function exitOf(tried: readonly Tried[]): ExitName {
  const outcomes = new Set(tried.map(({ outcome }) => outcome))
  if (outcomes.has('shut') || !outcomes.has('opened')) return 'failed'
  return outcomes.has('other') ? 'attention' : 'ok'
}

function told(
  tried: readonly Tried[],
  { of, checked, recipients }: { of: number; checked: boolean; recipients: readonly string[] },
  style: Style,
): string {
  const paint = { opened: style.good, other: style.warn, shut: style.bad }
  const lines = tried.map(({ sourceId, what, outcome, bytes, problem }) =>
    [`${paint[outcome](outcome.padEnd(6))} ${what} of ${sourceId}`, problem ?? `${formatBytes(bytes)} opened`].join(
      ': ',
    ),
  )
  const opened = tried.filter(({ outcome }) => outcome === 'opened').length
  return [
    ...lines,
    `${opened} of ${tried.length} tried opened with ${recipients.join(' and ')}; ${of} backups are there`,
    ...(checked ? [] : [style.warn('Signatures were not checked: give the public keys with --signer name=key.')]),
  ].join('\n')
}
