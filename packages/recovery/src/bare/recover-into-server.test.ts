import { expect, test } from 'vitest'
import { besideName } from './recover-into-server.ts'

test('what is restored beside is named so that no database of a long name drops what another left', () => {
  const names = ['visits', 'bills'].map((end) => besideName(`${'r'.repeat(45)}_${end}`, 'restoring', 'abc123'))
  expect(new Set(names).size).toBe(2)
  for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
})

test('a short name is kept whole', () => {
  expect(besideName('records', 'recovering', 'abc123')).toBe('records_recovering_abc123')
})
