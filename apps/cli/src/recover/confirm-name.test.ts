import { expect, test } from 'vitest'
import { confirmName } from './confirm-name.ts'

const asking = (typed: string | undefined, { silent = false } = {}) => {
  const told: string[] = []
  const terminal = {
    signal: new AbortController().signal,
    async ask(question: string) {
      told.push(question)
      return typed
    },
  }
  const live = { silent, say: (text: string) => void told.push(text) }
  return { told, confirm: (given?: string) => confirmName('records', given, terminal, live) }
}

test('only the very name goes on, typed now or given beforehand', async () => {
  await asking('records').confirm()
  await asking(undefined).confirm('records')
  for (const typed of ['recrods', '', undefined])
    await expect(asking(typed).confirm()).rejects.toMatchObject({ code: 'CLI_UNCONFIRMED', facts: { name: 'records' } })
  await expect(asking('records').confirm('recrods')).rejects.toMatchObject({ code: 'CLI_UNCONFIRMED' })
})

test('who asked for JSON was shown no plan, and is not asked to confirm one', async () => {
  const { told, confirm } = asking('records', { silent: true })
  await expect(confirm()).rejects.toMatchObject({ code: 'CLI_UNCONFIRMED' })
  expect(told).toEqual(['This concerns records.'])
  await confirm('records')
})
