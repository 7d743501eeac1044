import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { WatchedFooting, World } from '../../src/world.ts'
import { at, aWorld } from '../builders.ts'

const lost = (count: number, lastAt: string) => ({
  id: 'abc123',
  subject: 'lifeboat.wish.backup.requested.v1.db1',
  consumer: 'agent-db1',
  error: new LifeboatError('SOURCE_UNKNOWN', { sourceId: 'recrods' }).toReport() as never,
  excerpt: '{"runId":"daily.recrods.20260926T020000Z"}',
  count,
  firstAt: moment(at('26T02:00')),
  lastAt: moment(at(lastAt)),
})

function footing(part: WatchedFooting['part'], name: string, since: string, code?: ErrorCode): WatchedFooting {
  const error = code && { error: new LifeboatError(code, { host: 'db1' }).toReport() as never }
  return { part, name, found: { part, name, at: moment(at('26T12:00')), since: moment(at(since)), ...error } }
}

/** Services and messages. */
export const SERVICES: Record<string, World> = {
  'dead-letter: by kind, with what it was': aWorld('26T12:00', { letters: [lost(3, '26T11:00')] }),
  'dead-letter: quiet for a day': aWorld('27T12:00', { letters: [lost(3, '26T11:00')] }),
  'footing-lost: a target that refuses, a source whose password was changed, a spool without room, a scratch path without rights':
    aWorld('26T12:00', {
      footings: [
        footing('target', 'beta', '26T11:00', 'TARGET_REFUSED'),
        footing('source', 'records', '26T11:50', 'SOURCE_AUTH_REFUSED'),
        footing('spool', 'db1', '26T11:49', 'SPOOL_DISK_FULL'),
        footing('scratch', 'verifier', '26T11:00', 'DRILL_SCRATCH_UNAVAILABLE'),
      ],
    }),
  'footing-lost: not for ten minutes yet, one that holds, and one nobody tells of': aWorld('26T12:00', {
    footings: [
      footing('target', 'beta', '26T11:51', 'TARGET_REFUSED'),
      footing('target', 'alpha', '20T11:51'),
      { part: 'target', name: 'gamma' },
    ],
  }),
  'service-silent: nobody was ever there': aWorld('26T12:00', {
    services: [{ service: 'verifier', lastSeenMs: undefined }],
  }),
  'service-silent: an agent by name': aWorld('26T12:00', {
    services: [{ service: 'backup-agent', name: 'db1', lastSeenMs: at('26T11:57') }],
  }),
  'service-silent: a deploy is shorter': aWorld('26T12:00', {
    services: [{ service: 'scheduler', lastSeenMs: at('26T11:59') }],
  }),
  'service-silent: the alerter has just begun to listen': aWorld('26T12:00', {
    watchingSinceMs: at('26T11:59'),
    services: [{ service: 'scheduler', lastSeenMs: undefined }],
  }),
}
