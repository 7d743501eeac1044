import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { WatchedWal, World } from '../../src/world.ts'
import { aBase, agent, at, aWal, aWorld, HOUR, lsnOf, physical, promise } from '../builders.ts'

const refusedBy = (code: 'SOURCE_UNREACHABLE' | 'TARGET_KEY_TAKEN') =>
  new LifeboatError(code, { host: 'db1' }).toReport()
const reached = (time: string) => ({ lsn: lsnOf(25), at: moment(at(time)) })
const slot = (gigabytes: number) => ({
  slot: { name: 'lifeboat_records', retainedBytes: gigabytes * 1e9, warnBytes: 4e9, giveUpBytes: 32e9 },
})
const hole = {
  ...{ timeline: 1, from: lsnOf(24), to: lsnOf(25) },
  ...{ since: moment(at('25T03:00')), reason: 'the slot was given up at 32 GB' },
}
const holed = (wal: WatchedWal, over: object = {}) =>
  ({ ...wal, record: { holes: [{ ...hole, until: moment(at('24T03:00')), ...over }] } }) as unknown as WatchedWal
const vanished = {
  ...{ gone: true, since: moment(at('26T11:30')) },
  reason: 'it was safe, and no target has it whole any more',
}
const drilledWal = (verdict: string, time: string, more: object = {}) => ({
  ...{ drillId: `202609${time.replace(':', '')}00Z-drill-aaaaaa`, at: moment(at(time)), to: 'latest', verdict },
  ...{ reasons: verdict === 'proven' ? [] : ['wal replay: An object of the WAL archive is not what its name says.'] },
  ...more,
})
const atSegment = { segment: '000000010000000000000019', reached: lsnOf(25) }

/** WAL and the recovery point. */
export const WAL: Record<string, World> = {
  'rpo-breach: WAL lags behind the promise': aWorld('26T12:00', {
    objectives: [promise({ rpoMs: 2 * HOUR, by: 'wal', recoverableUntil: moment(at('26T10:00')) })],
    wal: [
      aWal('26T12:00', {
        status: 'waiting',
        error: refusedBy('SOURCE_UNREACHABLE'),
        safe: { ...reached('26T11:59') },
        targets: { alpha: reached('26T10:00'), beta: reached('26T09:59') },
      }),
    ],
  }),
  'rpo-breach: WAL without a base does not count': aWorld('26T12:00', {
    objectives: [promise({ rpoMs: 10 * HOUR, by: 'backup', recoverableUntil: moment(at('26T02:00')) })],
    wal: [aWal('26T12:00')],
  }),
  'rpo-breach: exactly as promised is kept': aWorld('26T12:00', { objectives: [promise({ rpoMs: HOUR })] }),
  'rpo-breach: nothing is off-site after a day': aWorld('26T12:00', { objectives: [promise({})] }),
  'rpo-breach: what was set up just now has time': aWorld('26T12:00', {
    watchingSinceMs: at('26T11:30'),
    objectives: [promise({})],
  }),
  'wal-silent: nothing was ever heard of it': aWorld('26T12:00', { wal: [{ ...aWal('26T12:00'), state: undefined }] }),
  'wal-silent: the state is older than a minute': aWorld('26T12:02', {
    wal: [aWal('26T12:00')],
    services: [agent('26T12:02')],
  }),
  'wal-silent: that the agent is gone is told elsewhere': aWorld('26T12:03', {
    wal: [aWal('26T12:00')],
    services: [agent('26T12:00')],
  }),
  'wal-silent: the server cannot be asked': aWorld('26T12:03', {
    wal: [
      aWal('26T12:03', {
        status: 'waiting',
        error: refusedBy('SOURCE_UNREACHABLE'),
        safe: reached('26T12:00'),
        targets: {},
      }),
    ],
  }),
  'wal-silent: a restart of the server is shorter': aWorld('26T12:02', {
    wal: [aWal('26T12:02', { status: 'waiting', safe: reached('26T12:00') })],
  }),
  'wal-silent: too few targets take it': aWorld('26T12:10', {
    wal: [aWal('26T12:10', { safe: reached('26T12:00'), targets: { alpha: reached('26T12:10') } })],
  }),
  'wal-silent: one target lags behind for hours': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { targets: { alpha: reached('26T12:00'), beta: reached('26T10:00') } })],
  }),
  'wal-refused: another cluster under this name': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { status: 'refused', error: refusedBy('TARGET_KEY_TAKEN') })],
  }),
  'slot-retention: more than the warning': aWorld('26T12:00', { wal: [aWal('26T12:00', slot(4.1))] }),
  'slot-retention: exactly the warning': aWorld('26T12:00', { wal: [aWal('26T12:00', slot(4))] }),
  'slot-retention: near the end': aWorld('26T12:00', { wal: [aWal('26T12:00', slot(23))] }),
  'slot-retention: below every limit, and the disk has less room than that': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { slot: { ...slot(3).slot, disk: { freeBytes: 2e9, grewBytes: 0 } } })],
  }),
  'slot-retention: below every limit, and another hour like the last fills the disk': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { slot: { ...slot(3).slot, disk: { freeBytes: 1e9, grewBytes: 1.5e9 } } })],
  }),
  'slot-retention: below every limit, and the disk has room': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { slot: { ...slot(3).slot, disk: { freeBytes: 90e9, grewBytes: 3e9 } } })],
  }),
  'slot-retention: more than the warning, on a disk with room': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { slot: { ...slot(4.1).slot, disk: { freeBytes: 90e9, grewBytes: 3e9 } } })],
  }),
  'slot-retention: the server itself is about to give it up, long before we would': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { slot: { ...slot(0.9).slot, warnBytes: 5e8, giveUpBytes: 1e9, serverGivesUp: true } })],
  }),
  'wal-lost: the history of a timeline is at no target any more': aWorld('26T12:00', {
    wal: [
      holed(aWal('26T12:00', { timeline: 2, ancestors: [{ timeline: 1, end: lsnOf(24) }] }), {
        ...{ ...vanished, timeline: 2, from: lsnOf(24), to: lsnOf(24), history: true },
        reason: 'no target has it any more, and without it recovery ends where that timeline begins',
      }),
    ],
  }),
  'wal-lost: until a base behind the hole is stored': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00'))],
    ...physical(aBase(26, { state: 'sealed' }), aBase(24)),
  }),
  'wal-lost: told by the agent before anybody wrote it down': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { lost: hole })],
  }),
  'wal-lost: a base behind it is stored': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00'))],
    ...physical(aBase(25, { state: 'proven' }), aBase(24)),
  }),
  'wal-lost: it vanished from every target': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00'), vanished)],
    ...physical(aBase(24)),
  }),
  'wal-lost: what vanished is told for an hour also where a base leads past it': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00'), vanished)],
    ...physical(aBase(25), aBase(24)),
  }),
  'wal-lost: a base that was taken for its sake ends it': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00'), vanished)],
    ...physical(aBase(26, { startedAt: moment(at('26T11:40')) }), aBase(24)),
  }),
  'wal-lost: and not longer': aWorld('26T12:30', {
    wal: [holed(aWal('26T12:30'), vanished)],
    ...physical(aBase(25), aBase(24)),
  }),
  'wal-lost: a hole in a branch that was left is in nobody’s way': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00', { timeline: 2, ancestors: [{ timeline: 1, end: lsnOf(23) }] }))],
    ...physical(aBase(24)),
  }),
  'wal-lost: a base of a branch that was left leads past nothing, however high it ended': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00', { timeline: 2, ancestors: [{ timeline: 1, end: lsnOf(23) }] }), { timeline: 2 })],
    ...physical(aBase(26), aBase(22)),
  }),
  'wal-broken: a drill could not replay it': aWorld('26T12:00', {
    ...physical(aBase(24, { wal: { alpha: [drilledWal('failed', '26T10:00', atSegment)] } })),
  }),
  'wal-broken: it ends before the moment the drill was to reach': aWorld('26T12:00', {
    ...physical(aBase(24, { wal: { beta: [drilledWal('inconclusive', '26T10:00')] } })),
  }),
  'wal-broken: no heartbeat shows where it led': aWorld('26T12:00', {
    ...physical(
      aBase(24, {
        wal: {
          beta: [
            drilledWal('inconclusive', '26T10:00', {
              reasons: ['heartbeat wal: No heartbeat shows it.'],
              reached: lsnOf(25),
            }),
          ],
        },
      }),
    ),
  }),
  'wal-broken: a later drill came past it': aWorld('26T12:00', {
    ...physical(
      aBase(24, {
        wal: {
          alpha: [
            drilledWal('proven', '26T11:00', { reached: lsnOf(26) }),
            drilledWal('failed', '26T10:00', atSegment),
          ],
        },
      }),
    ),
  }),
  'wal-broken: a base leads on behind it there': aWorld('26T12:00', {
    ...physical(aBase(26), aBase(24, { wal: { alpha: [drilledWal('failed', '26T10:00', atSegment)] } })),
  }),
}
