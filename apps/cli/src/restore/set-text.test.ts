import type { RestoreHooks } from '@lifeboat/shared/domain/restore.ts'
import { expect, test } from 'vitest'
import { styleFor } from '../format/style.ts'
import { stillStopped } from './obey-in-turn.ts'
import { setEndText } from './set-text.ts'

test('what is not brought back is gone on with by a command that does not bring the others back again', () => {
  const failed = { sourceId: 'app', outcome: { value: {}, text: () => 'failed' }, earlier: false }
  expect(
    setEndText(
      [failed],
      { notDone: ['app', 'web'] },
      'When the cause is mended, the same command goes on with them.',
      styleFor(false),
    ),
  ).toBe(
    [
      'app',
      '  failed',
      'Not brought back: app, web. When the cause is mended, the same command goes on with them.',
    ].join('\n'),
  )
})

test('a service that was stopped before the first swap and is started behind the last is said to stand still between the two', () => {
  const [first, both, last] = [{ stop: 'stop-app' }, { stop: 'stop-app', start: 'start-app' }, { start: 'start-app' }]
  const stopped = (...back: RestoreHooks[]) => stillStopped(back.map((hooks) => ({ hooks })))
  expect([stopped(), stopped(first), stopped(first, {})]).toEqual([undefined, 'stop-app', 'stop-app'])
  expect([stopped(first, last), stopped(both), stopped({})]).toEqual([undefined, undefined, undefined])
  expect(setEndText([], { notDone: ['app'], stopped: 'stop-app' }, 'go on', styleFor(false))).toMatch(
    /stop-app has stopped stands still/,
  )
})
