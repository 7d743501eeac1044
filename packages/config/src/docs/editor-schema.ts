import { z } from 'zod'
import { LifeboatConfig } from '../lifeboat-config.ts'
import { unwrap } from '../schema-walk.ts'
import { asWritten } from './quantity-text.ts'

/** JSON Schema of what may be written into lifeboat.yaml, for completion and hints in editors. Draft 7: the one they all know. */
export function editorSchema(): object {
  const schema = z.toJSONSchema(LifeboatConfig, {
    io: 'input',
    target: 'draft-7',
    // A default is known as milliseconds or bytes; the file says it with a unit.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type !== 'default') return
      const { schema, fallback } = unwrap(zodSchema)
      jsonSchema.default = asWritten(schema, fallback) as NonNullable<typeof jsonSchema.default>
    },
  })
  return { ...schema, title: 'lifeboat.yaml' }
}
