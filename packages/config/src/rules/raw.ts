import type { Raw } from '../references.ts'

/** The entries of a named block that are blocks themselves; anything else is the schema's business. */
export function blocks(raw: Raw, name: string): [string, Raw][] {
  return Object.entries(block(raw[name])).filter((entry): entry is [string, Raw] => isBlock(entry[1]))
}

export function block(value: unknown): Raw {
  return isBlock(value) ? value : {}
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function isBlock(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
