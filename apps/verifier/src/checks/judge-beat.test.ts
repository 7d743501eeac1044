import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { type BeatQuestion, judgeBeat } from './judge-beat.ts'

const at = (time: string) => `2026-09-26T${time}.000Z` as Moment
const [BASE, LATER, LATEST] = [at('12:00:00'), at('13:00:00'), at('14:00:00')]
const TO = { time: LATER }

/** A base that ended at noon, of a source that writes one every five seconds. */
function ask(question: Partial<BeatQuestion>): [string, string] {
  const known = { found: undefined, everyMs: 5000, snapshotAt: BASE, beforeBackup: undefined, held: undefined }
  const { answer, because } = judgeBeat({ ...known, to: 'end of backup', ...question })
  return [answer, because]
}

test.each<[string, Partial<BeatQuestion>, string, string]>([
  ['end: it was written just before', { found: at('11:59:56') }, 'passed', '4.0 s before'],
  ['end: clocks differ', { found: at('12:00:30') }, 'passed', 'The newest'],
  ['end: much later than the base', { found: at('12:02:00') }, 'failed', 'later than the moment'],
  ['end: none, and none is known', {}, 'skipped', 'no heartbeat yet'],
  ['end: none, and one was written before', { beforeBackup: at('11:59:50') }, 'failed', 'There is no heartbeat, and'],
  [
    'end: an older one than was written',
    { found: at('11:59:40'), beforeBackup: at('11:59:50') },
    'failed',
    'is missing',
  ],
  ['end: the very one', { found: at('11:59:50'), beforeBackup: at('11:59:50') }, 'passed', 's before'],
  ['end: what the target holds of later', { found: at('11:59:50'), held: LATEST }, 'passed', 's before'],
  ['end: an old one, and none is known since', { found: at('09:00:00') }, 'skipped', 'nobody wrote one then'],
  ['time: just before', { to: TO, found: at('12:59:57') }, 'passed', '3.0 s before'],
  ['time: at the end of the slack', { to: TO, found: at('12:58:00') }, 'passed', '2 min before'],
  ['time: later', { to: TO, found: at('13:00:01') }, 'failed', 'later than the moment'],
  [
    'time: an old one, and the agent says nothing',
    { to: TO, found: at('12:10:00') },
    'unable',
    'nobody knows of a later',
  ],
  ['time: none, and the agent says nothing', { to: TO }, 'unable', 'nobody knows of one'],
  ['time: none, shortly behind the base', { to: { time: at('12:02:00') } }, 'skipped', 'no heartbeat yet'],
  [
    'time: none, and one was there when the base began',
    { to: TO, beforeBackup: at('11:59:50') },
    'failed',
    'is missing',
  ],
  [
    'time: the agent had written one since',
    { to: TO, found: at('12:10:00'), held: at('12:50:00') },
    'failed',
    'is missing',
  ],
  [
    'time: what was written after it says nothing',
    { to: TO, found: at('12:59:57'), held: LATEST },
    'passed',
    '3.0 s before',
  ],
  ['latest: whatever its age', { to: 'latest', found: at('12:10:00') }, 'passed', 'is of 2026-09-26T12:10'],
  ['latest: the newest the target holds', { to: 'latest', found: LATEST, held: LATEST }, 'passed', 'known to hold'],
  ['latest: an older one', { to: 'latest', found: at('13:59:55'), held: LATEST }, 'failed', 'is missing'],
  ['latest: none', { to: 'latest' }, 'unable', 'there is no heartbeat'],
])('%s', (_title, question, answer, says) => {
  expect(ask(question)).toEqual([answer, expect.stringContaining(says)])
})
