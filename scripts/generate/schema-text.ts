import { z } from 'zod'

export interface JsonSchema {
  type?: string
  format?: string
  pattern?: string
  enum?: unknown[]
  const?: unknown
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  additionalProperties?: JsonSchema | boolean
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
}

export interface Field {
  /** `summary.tables`, `targets[]` */
  path: string
  type: string
  required: boolean
}

/** Draft 7, as AsyncAPI 3 reads it. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', unrepresentable: 'any' })
  return rest as JsonSchema
}

/** One line per leaf, in the order of the definition. */
export function fieldsOf(schema: JsonSchema, path = '', required = true): Field[] {
  const { properties, items } = schema
  if (properties !== undefined)
    return Object.entries(properties).flatMap(([name, inner]) =>
      fieldsOf(inner, path === '' ? name : `${path}.${name}`, required && (schema.required ?? []).includes(name)),
    )
  if (items?.properties !== undefined) return fieldsOf(items, `${path}[]`, required)
  return [{ path, type: typeText(schema), required }]
}

function typeText(schema: JsonSchema): string {
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return [...new Set(choices.map(typeText))].join(' or ')
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum)
    return schema.enum.length > 12 ? 'string' : schema.enum.map((value) => code(String(value))).join(', ')
  if (schema.items) return `list of ${typeText(schema.items)}`
  if (schema.type === 'object') {
    const values = schema.additionalProperties
    return typeof values === 'object' ? `map to ${typeText(values)}` : 'object'
  }
  if (schema.format === 'date-time') return 'moment, UTC ISO-8601'
  if (schema.format === 'uri') return 'URL'
  return schema.pattern === undefined ? (schema.type ?? 'anything') : `string ${code(schema.pattern)}`
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}
