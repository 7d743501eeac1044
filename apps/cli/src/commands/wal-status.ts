import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import { sinceText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import { indent, table } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import { sourcesWithWal } from './wal-audit.ts'

/** The agent writes every five seconds. */
const OLD_AFTER_MS = 60_000

type Light = 'flows' | 'waits' | 'refused' | 'silent'

interface WalLine {
  sourceId: SourceId
  light: Light
  state?: WalState
}

/** How far the WAL of each source has come, as its agent last said. */
export const walStatus: Command<{ source?: string }> = ({ source }, context) =>
  withFleet(context, ['sources', 'wal'], async ({ bus, config }) => {
    const nowMs = context.clock.now()
    const states = await bus.bucket(WAL_BUCKET)
    const lines: WalLine[] = []
    for (const sourceId of sourcesWithWal(config, source)) {
      const state = (await states.get(sourceId))?.value
      lines.push({ sourceId, light: lightOf(state, nowMs), ...(state && { state }) })
    }
    return {
      value: { at: new Date(nowMs).toISOString(), sources: lines },
      text: (style) => lines.map((line) => lineText(line, nowMs, style)).join('\n\n'),
      exit: lines.every(({ light, state }) => light === 'flows' && !state?.lost) ? 'ok' : 'attention',
    }
  })

function lightOf(state: WalState | undefined, nowMs: number): Light {
  if (state === undefined || nowMs - Date.parse(state.at) > OLD_AFTER_MS) return 'silent'
  return ({ streaming: 'flows', waiting: 'waits', refused: 'refused' } as const)[state.status]
}

function lineText({ sourceId, light, state }: WalLine, nowMs: number, style: Style): string {
  const paint = { flows: style.good, waits: style.warn, refused: style.bad, silent: style.bad }[light]
  const head = `${paint(light)}  ${style.bold(sourceId)}`
  if (state === undefined) return `${head}  ${style.dim('nothing was ever heard of it')}`
  const { error, slot, lost, timeline, serverLsn, heartbeatAt } = state
  const kept = `${formatBytes(slot.retainedBytes)} kept back by slot ${slot.name}, warned of at ${formatBytes(slot.warnBytes)}, given up at ${formatBytes(slot.giveUpBytes)}`
  const room = slot.disk
    ? `${formatBytes(slot.disk.freeBytes)} free on the disk of pg_wal`
    : 'room on the disk of pg_wal unknown, its agent cannot see it'
  const rows = [
    ['', 'position', 'behind', 'written until'].map(style.dim),
    ['server', serverLsn, '', ''],
    ...[['off-site', state.safe] as const, ...Object.entries(state.targets)].map(([name, { lsn, at }]) => [
      name,
      lsn,
      behind(serverLsn, lsn),
      sinceText(at, nowMs),
    ]),
  ]
  return [
    `${head}  timeline ${timeline}, told ${formatDuration(Math.max(0, nowMs - Date.parse(state.at)))} ago`,
    ...(error ? [indent(style.bad(`${error.code}: ${error.title}. ${error.hint}`))] : []),
    ...(lost
      ? [indent(style.bad(`lost: ${lost.from} to ${lost.to} on timeline ${lost.timeline}, ${lost.reason}`))]
      : []),
    indent(table(rows[0] ?? [], rows.slice(1))),
    indent(kept),
    indent(room),
    ...(heartbeatAt ? [indent(`heartbeat off-site: ${sinceText(heartbeatAt, nowMs)}`)] : []),
  ].join('\n')
}

function behind(server: string, lsn: string): string {
  const bytes = Number(parseLsn(server) - parseLsn(lsn))
  return bytes <= 0 ? '–' : formatBytes(bytes)
}
