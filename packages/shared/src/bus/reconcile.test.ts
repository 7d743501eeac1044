import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { silentLogger } from '../log/logger.ts'
import { reconcileConsumer } from './reconcile.ts'

const WANTED = { durable_name: 'parts', max_ack_pending: 7 }
const refusal = (err_code: number, code = 400) => new JetStreamApiError({ code, err_code, description: 'no' })
const NOT_FOUND = refusal(10014, 404)

/** A server that answers each request with the next of these: undefined is well. */
function server(answers: { info?: unknown[]; add?: unknown[]; update?: unknown[] }) {
  const asked: string[] = []
  const answer = (what: keyof typeof answers) => async () => {
    asked.push(what)
    const next = answers[what]?.shift()
    if (next instanceof Error) throw next
    return next
  }
  const consumers = { info: answer('info'), add: answer('add'), update: answer('update') }
  return { asked, jsm: { consumers } as unknown as JetStreamManager }
}

const drifted = { config: { durable_name: 'parts', max_ack_pending: 3 } }
const reconcile = (jsm: JetStreamManager) => reconcileConsumer(jsm, 'FACTS', WANTED, silentLogger)

test.each([
  ['is not found', NOT_FOUND],
  ['does not exist', refusal(10149)],
])('a consumer that somebody removes while it is changed, and that %s, is made anew', async (_, gone) => {
  const { asked, jsm } = server({ info: [drifted, NOT_FOUND], update: [gone] })
  await reconcile(jsm)
  expect(asked).toEqual(['info', 'update', 'info', 'add'])
})

test('one that somebody else makes with other settings meanwhile is changed', async () => {
  const { asked, jsm } = server({ info: [NOT_FOUND, drifted], add: [refusal(10148)] })
  await reconcile(jsm)
  expect(asked).toEqual(['info', 'add', 'info', 'update'])
})

test('what the server refuses for another reason, or again and again, is told', async () => {
  const refused = { code: 'BUS_SETTINGS_REFUSED', facts: { stream: 'FACTS', consumer: 'parts', answer: 'no' } }
  const once = server({ info: [drifted], update: [refusal(10012, 500)] })
  await expect(reconcile(once.jsm)).rejects.toMatchObject(refused)
  expect(once.asked).toEqual(['info', 'update'])
  const twice = server({ info: [drifted, drifted], update: [refusal(10149), refusal(10149)] })
  await expect(reconcile(twice.jsm)).rejects.toMatchObject(refused)
})
