import { expect, test } from 'vitest'
import { asWritten } from './docs/quantity-text.ts'
import { generateConfigDocs } from './generate-docs.ts'
import { PolicySection } from './schema/policy.ts'
import { unwrap } from './schema-walk.ts'

const docs = generateConfigDocs()

test('every setting in the reference says what it means', () => {
  const rows = (docs['docs/config.md'] ?? '').split('\n').filter((line) => line.startsWith('| `'))
  expect(rows.length).toBeGreaterThan(80)
  expect(rows.filter((row) => / \|\s*\|$/.test(row))).toEqual([])
})

test('defaults are written as the file would write them, in the reference and in the editor schema', () => {
  expect(docs['docs/config.md']).toContain('| `policies.<name>.grace` | duration | `15m` |')
  const schema = JSON.parse(docs['docs/lifeboat.schema.json'] ?? '')
  expect(schema.properties.policies.additionalProperties.oneOf[0].properties.grace).toMatchObject({
    type: 'string',
    default: '15m',
  })
})

test('a quantity written out reads back as itself', () => {
  const fields = [PolicySection.shape.grace, PolicySection.shape.size.unwrap().shape.min]
  for (const field of fields)
    expect(field.parse(asWritten(unwrap(field).schema, unwrap(field).fallback))).toBe(unwrap(field).fallback)
})
