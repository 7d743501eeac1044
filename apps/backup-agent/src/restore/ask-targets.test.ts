import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { askAll, askInTurn } from './ask-targets.ts'

const TARGETS = ['north', 'south', 'east'] as TargetId[]
const never = new Promise<never>(() => {})
const isBetter = (one: number, than: number) => one > than

/** What each target says: a number, an error, or nothing for ever. */
function saying(said: Record<string, number | LifeboatError | Promise<number>>) {
  const asked: string[] = []
  const ask = async (targetId: TargetId) => {
    asked.push(targetId)
    const answer = await said[targetId]
    if (typeof answer !== 'number') throw answer
    return { targetId, answer }
  }
  return { asked, ask }
}

const away = () => new LifeboatError('TARGET_UNREACHABLE', {})
const signal = () => new AbortController().signal
const better = (one: { answer: number }, than: { answer: number }) => isBetter(one.answer, than.answer)

test('in turn the first target that can help is taken, and nobody behind it is asked', async () => {
  const { ask, asked } = saying({ north: away(), south: 1, east: 2 })
  const { answer, passedOver } = await askInTurn(TARGETS, ask, { signal: signal() })
  expect([answer.targetId, asked]).toEqual(['south', ['north', 'south']])
  expect(passedOver).toMatchObject([{ targetId: 'north', error: { code: 'TARGET_UNREACHABLE' } }])
})

test('of all targets the best answer is taken, of equal ones that of the first; who cannot help is told', async () => {
  const { answer } = await askAll(TARGETS, saying({ north: 1, south: 2, east: 2 }).ask, better, { signal: signal() })
  expect(answer.targetId).toBe('south')
  const { ask } = saying({ north: away(), south: new LifeboatError('RECOVERY_UNPROVEN', {}), east: 0 })
  const told = await askAll(TARGETS, ask, better, { signal: signal() })
  expect(told).toMatchObject({
    answer: { targetId: 'east' },
    passedOver: [
      { targetId: 'north', error: { code: 'TARGET_UNREACHABLE' } },
      { targetId: 'south', error: { code: 'RECOVERY_UNPROVEN' } },
    ],
  })
})

test.each([
  ['in turn', askInTurn],
  [
    'all',
    (targets: TargetId[], ask: ReturnType<typeof saying>['ask'], opts: { signal: AbortSignal }) =>
      askAll(targets, ask, better, opts),
  ],
] as const)(
  'asked %s, a target that hangs is passed over when somebody waits and another can help',
  async (_, asking) => {
    const { ask } = saying({ north: never, south: 1, east: 0 })
    const { answer, passedOver } = await asking(TARGETS, ask, { signal: signal(), patienceMs: 20 } as never)
    expect(answer.targetId).toBe('south')
    expect(passedOver).toMatchObject([
      { targetId: 'north', error: { code: 'TARGET_UNREACHABLE', facts: { targetId: 'north', waitedMs: 20 } } },
    ])
  },
)

test('nobody is passed over for being slow as long as no other can help', async () => {
  const slow = new Promise<number>((resolve) => setTimeout(resolve, 60, 7))
  const { ask } = saying({ north: away(), south: slow, east: away() })
  expect((await askAll(TARGETS, ask, better, { signal: signal(), patienceMs: 10 })).answer.answer).toBe(7)
  const last = saying({ north: away(), south: away(), east: slow })
  expect((await askInTurn(TARGETS, last.ask, { signal: signal(), patienceMs: 10 })).answer.answer).toBe(7)
})

test('whoever asks is told of each target when the waiting for it begins and when it ends, in whatever way', async () => {
  const told: string[] = []
  const onWait = (targetId: TargetId, isBegun: boolean) => void told.push(`${isBegun ? 'begins' : 'ends'} ${targetId}`)
  const { ask } = saying({ north: away(), south: never, east: 1 })
  await askInTurn(TARGETS, ask, { signal: signal(), patienceMs: 20, onWait })
  const inTurn = ['north', 'south', 'east'].flatMap((name) => [`begins ${name}`, `ends ${name}`])
  expect(told.splice(0)).toEqual(inTurn)
  await askAll(TARGETS, ask, better, { signal: signal(), patienceMs: 20, onWait })
  expect(told.slice(0, 3)).toEqual(['begins north', 'begins south', 'begins east'])
  expect(told.toSorted()).toEqual(inTurn.toSorted())
})

test('when none can help, what the first target said is told, with the codes of the others', async () => {
  const { ask } = saying({
    north: new LifeboatError('RECOVERY_UNPROVEN', { backups: ['a'] }),
    south: away(),
    east: away(),
  })
  for (const asked of [
    askInTurn(TARGETS, ask, { signal: signal() }),
    askAll(TARGETS, ask, better, { signal: signal() }),
  ])
    await expect(asked).rejects.toMatchObject({
      ...{ code: 'RECOVERY_UNPROVEN' },
      facts: { targetId: 'north', backups: ['a'], others: ['south: TARGET_UNREACHABLE', 'east: TARGET_UNREACHABLE'] },
    })
})

test('who is told to stop does so at once, whoever hangs, and an error of our own is nobody else’s answer', async () => {
  const stop = new AbortController()
  const { ask } = saying({ north: never, south: 1, east: 2 })
  const asked = askAll(TARGETS, ask, better, { signal: stop.signal })
  stop.abort(new LifeboatError('SERVICE_STOPPING'))
  await expect(asked).rejects.toMatchObject({ code: 'SERVICE_STOPPING' })
  const broken = saying({ north: new LifeboatError('INTERNAL', {}), south: 1, east: 2 })
  await expect(askAll(TARGETS, broken.ask, better, { signal: signal() })).rejects.toMatchObject({ code: 'INTERNAL' })
})
