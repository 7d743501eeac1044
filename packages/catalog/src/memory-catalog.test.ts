import { describe, test } from 'vitest'
import { CATALOG_CASES } from './conformance/cases.ts'
import { MemoryCatalog } from './memory-catalog.ts'

describe('a catalogue in memory', () => {
  test.for(CATALOG_CASES)('$name', ({ check }) => check(new MemoryCatalog()))
})
