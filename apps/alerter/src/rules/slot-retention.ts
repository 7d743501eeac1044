import { judgeRoom, type RoomVerdict } from '@lifeboat/shared/domain/slot-room.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Rule } from '../world.ts'
import { minuteOf } from './minute-of.ts'

/** Beyond this share of the limit there is little time left. */
const NEAR_THE_END = 0.7

/** The server keeps much WAL because targets do not have it yet: long before its disk is at risk somebody should know. */
export const slotRetention: Rule = (world) =>
  world.wal.flatMap(({ sourceId, state }) => {
    const cause = `slot-retention.${sourceId}`
    if (state === undefined) return { cause, unknown: true }
    const { name, retainedBytes, warnBytes, giveUpBytes, serverGivesUp } = state.slot
    const room = judgeRoom(state.slot)
    const isTight = room.verdict === 'tight' || room.verdict === 'short'
    if (retainedBytes <= warnBytes && !isTight) return []
    const near = retainedBytes >= NEAR_THE_END * giveUpBytes || room.verdict === 'short'
    return {
      cause,
      rule: 'slot-retention',
      severity: near ? 'critical' : 'warning',
      title: isTight
        ? `The disk of pg_wal of ${sourceId} may become full`
        : `The server of ${sourceId} keeps much WAL back`,
      details: [
        `${formatBytes(retainedBytes)} in pg_wal because of the slot ${name}; warned of beyond ${formatBytes(warnBytes)}`,
        roomText(room, state.slot),
        `At ${formatBytes(giveUpBytes)} ${serverGivesUp ? 'the server gives the slot up (max_slot_wal_keep_size)' : 'the slot is given up'}: that WAL is then lost and a new base is asked for`,
        ...Object.entries(state.targets).map(([target, { at }]) => `${target} has WAL until ${minuteOf(at)}`),
      ],
      hint: `Look which target lags behind (\`lifeboat target check\`) and mend it, or lower wal.copies.required; make room on the disk of pg_wal if it takes long${serverGivesUp ? ', and raise max_slot_wal_keep_size, which a reload is enough for' : ''}.${isTight ? LOWER : ''}`,
    }
  })

const LOWER =
  ' Where there is no more room, lower `retained.giveUp`: a slot that is given up costs WAL, a full disk stops the database.'

function roomText(room: RoomVerdict, { disk }: WalState['slot']): string {
  if (disk === undefined) return 'The agent cannot see the disk of pg_wal: how much room is left there is unknown'
  const { freeBytes, grewBytes } = disk
  const grew = `what the slot keeps grew by ${formatBytes(grewBytes)} within the last hour`
  if (room.verdict === 'short')
    return `${formatBytes(freeBytes)} are free on that disk and ${grew}: another hour like that fills it`
  return `${formatBytes(freeBytes)} are free on that disk; ${grew}`
}
