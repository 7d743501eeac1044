import type { z } from 'zod'
import type { Path } from './yaml-source.ts'

/** One field of the schema, its optional and default wrappers taken off. */
export interface Field {
  schema: z.core.$ZodType
  description?: string
  /** As the schema holds it, after parsing: durations in ms, sizes in bytes. */
  fallback?: unknown
  required: boolean
}

type Def = { type: string; innerType?: z.core.$ZodType; defaultValue?: unknown }

export function unwrap(schema: z.core.$ZodType): Field {
  const field: Field = { schema, required: true }
  for (;;) {
    const description = (field.schema as { description?: string }).description
    if (field.description === undefined && description !== undefined) field.description = description
    const def = field.schema._zod.def as Def
    if (!['optional', 'default', 'prefault', 'nullable'].includes(def.type) || !def.innerType) return field
    field.required = false
    if (def.type === 'default' || def.type === 'prefault') field.fallback = def.defaultValue
    field.schema = def.innerType
  }
}

/** Whether a field is this very schema, or the copy of it that `.describe()` makes. */
export function isA(schema: z.core.$ZodType, base: z.core.$ZodType): boolean {
  return schema === base || schema._zod.parent === base
}

/** @param value the data at the root; it decides which variant of a union is meant */
export function fieldAt(root: z.core.$ZodType, path: Path, value: unknown): Field | undefined {
  let field: Field | undefined = unwrap(root)
  let current = value
  for (const step of path) {
    const child = childOf(field.schema, step, current)
    if (!child) return undefined
    field = unwrap(child)
    current = (current as Record<string | number, unknown> | null | undefined)?.[step]
  }
  return field
}

function childOf(schema: z.core.$ZodType, step: string | number, value: unknown): z.core.$ZodType | undefined {
  const def = schema._zod.def as {
    type: string
    shape?: Record<string, z.core.$ZodType>
    valueType?: z.core.$ZodType
    element?: z.core.$ZodType
    options?: z.core.$ZodType[]
    discriminator?: string
  }
  if (def.type === 'object') return def.shape?.[step]
  if (def.type === 'record') return def.valueType
  if (def.type === 'array') return def.element
  if (def.type !== 'union') return undefined
  const variants = def.options ?? []
  const meant = variants.find((option) => isVariant(option, def.discriminator, value))
  const first = meant ?? variants.find((option) => childOf(option, step, value))
  return first && childOf(first, step, value)
}

/** The variant of a discriminated union that `value` names. */
export function isVariant(option: z.core.$ZodType, discriminator: string | undefined, value: unknown): boolean {
  if (discriminator === undefined) return false
  const shape = (option._zod.def as unknown as { shape?: Record<string, z.core.$ZodType> }).shape
  return shape?.[discriminator]?._zod.values?.has((value as Record<string, never>)?.[discriminator]) ?? false
}
