import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { ByteSize, Duration } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'
import { nearest, suggestName } from './did-you-mean.ts'
import type { Finding } from './problems.ts'
import { fieldAt, isA, isVariant } from './schema-walk.ts'
import type { Path } from './yaml-source.ts'

type Issue = z.core.$ZodIssue

/** What the schema refuses, in the operator's words. Values are never repeated: one of them may be a password. */
export function shapeFindings(schema: z.core.$ZodType, value: unknown, issues: readonly Issue[]): Finding[] {
  return issues.flatMap((issue) => translate(schema, value, issue))
}

function translate(schema: z.core.$ZodType, root: unknown, issue: Issue): Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  const error = (message: string, hint?: string, at?: 'key'): Finding => ({
    severity: 'error',
    path,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(at === undefined ? {} : { at }),
  })
  const value = valueAt(root, path)
  const field = fieldAt(schema, path, root)
  if (issue.code === 'unrecognized_keys') return unknownKeys(schema, root, path, issue.keys)
  if (issue.code === 'invalid_key')
    return [error(`the name ${last(path)} is not allowed`, sentence(issue.issues[0]?.message), 'key')]
  if (issue.code === 'invalid_union') return union(schema, root, path, issue)
  if (value === undefined) return [error('is missing', field?.description)]
  if (value === null) return [error('has no value', field?.description)]
  if (field && isA(field.schema, SecretRef) && typeof value === 'string') return [error(SECRET_IN_CLEAR, SECRET_HINT)]
  if (field && isA(field.schema, Duration))
    return [error('is not a length of time', 'Write it with its unit: 90s, 15m, 2h or 30d.')]
  if (field && isA(field.schema, ByteSize))
    return [error('is not a size', 'Write it with its unit: 64MiB, 1MB or 2GiB.')]
  if (issue.code === 'invalid_type')
    return [error(`must be ${NOUNS[issue.expected] ?? issue.expected}, not ${kindOf(value)}`, field?.description)]
  if (issue.code === 'invalid_value')
    return [error('is not one of the choices', choices(value, issue.values.map(String)))]
  return [error(plain(issue), field?.description)]
}

const SECRET_IN_CLEAR = 'a secret stands here in clear text'
const SECRET_HINT =
  'Put it into an environment variable or a file of mode 0600 and write env:NAME or file:PATH; change the secret, it has been on disk.'

const NOUNS: Record<string, string> = {
  object: 'a block of settings',
  record: 'a block of settings',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a block of settings'
  return { string: 'text', number: 'a number', boolean: 'true or false' }[typeof value as string] ?? typeof value
}

function choices(value: unknown, known: string[]): string {
  const near = nearest(String(value), known)
  return near ? `Did you mean ${near}?` : `Choose ${known.join(', ')}.`
}

function plain(issue: Issue): string {
  if (issue.code === 'too_small')
    return `must ${issue.origin === 'array' ? 'have' : 'be'} at least ${issue.minimum}${unit(issue.origin)}`
  if (issue.code === 'too_big')
    return `must ${issue.origin === 'array' ? 'have' : 'be'} at most ${issue.maximum}${unit(issue.origin)}`
  if (issue.code === 'invalid_format')
    return issue.message.startsWith('Invalid') ? `is not a valid ${issue.format}` : `must be: ${issue.message}`
  return issue.message
}

function unit(origin: string): string {
  return { array: ' entries', string: ' characters long' }[origin] ?? ''
}

function unknownKeys(schema: z.core.$ZodType, root: unknown, path: Path, keys: readonly string[]): Finding[] {
  const known = knownKeys(schema, root, path)
  return keys.map((key) => ({
    severity: 'error',
    path: [...path, key],
    at: 'key',
    message: 'nobody knows this setting',
    hint: suggestName(key, known),
  }))
}

function knownKeys(schema: z.core.$ZodType, root: unknown, path: Path): string[] {
  const field = fieldAt(schema, path, root)
  const def = field?.schema._zod.def as
    | { shape?: object; options?: z.core.$ZodType[]; discriminator?: string; keyType?: z.core.$ZodType }
    | undefined
  if (def?.shape) return Object.keys(def.shape)
  if (def?.keyType) return Object.keys((def.keyType._zod.def as { entries?: object }).entries ?? {})
  const variant = def?.options?.find((option) => isVariant(option, def.discriminator, valueAt(root, path)))
  return Object.keys((variant?._zod.def as { shape?: object } | undefined)?.shape ?? {})
}

function union(
  schema: z.core.$ZodType,
  root: unknown,
  path: Path,
  issue: Issue & { code: 'invalid_union' },
): Finding[] {
  const value = valueAt(root, path)
  const def = fieldAt(schema, path, root)?.schema._zod.def as
    | { options?: z.core.$ZodType[]; discriminator?: string }
    | undefined
  const owner = def?.discriminator === undefined ? fieldAt(schema, path.slice(0, -1), root) : undefined
  const ownerDef = owner?.schema._zod.def as { options?: z.core.$ZodType[]; discriminator?: string } | undefined
  const picked = def?.discriminator !== undefined ? def : ownerDef
  if (picked?.discriminator !== undefined) {
    const name = picked.discriminator
    const at = path.at(-1) === name ? path : [...path, name]
    const known = (picked.options ?? []).flatMap((option) => variantNames(option, name))
    const given = valueAt(root, at)
    const message = given === undefined ? 'is missing' : 'is not one of the choices'
    const finding: Finding = { severity: 'error', path: at, message, hint: choices(given ?? '', known) }
    return [finding, ...restOf(schema, root, at, picked.options ?? [])]
  }
  const keys = (def?.options ?? []).flatMap((option) =>
    Object.keys((option._zod.def as { shape?: object }).shape ?? {}),
  )
  if (value !== null && typeof value === 'object' && keys.length > 0)
    return [
      {
        severity: 'error',
        path,
        message: 'needs exactly one of its settings',
        hint: `Choose one of ${keys.join(', ')}.`,
      },
    ]
  return [{ severity: 'error', path, message: value === undefined ? 'is missing' : issue.message }]
}

/** What else is wrong, as far as it can be told which variant was meant by a misspelt name. */
function restOf(schema: z.core.$ZodType, root: unknown, at: Path, options: readonly z.core.$ZodType[]): Finding[] {
  const [path, name] = [at.slice(0, -1), last(at)]
  const given = valueAt(root, at)
  const meant = options.find((option) => nearest(String(given ?? ''), variantNames(option, name)) !== undefined)
  const parsed = meant && z.safeParse(meant, valueAt(root, path))
  const issues = (parsed?.error?.issues ?? []).filter((issue) => issue.path[0] !== name)
  return shapeFindings(
    schema,
    root,
    issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }) as Issue),
  )
}

function variantNames(option: z.core.$ZodType, discriminator: string): string[] {
  const shape = (option._zod.def as unknown as { shape?: Record<string, z.core.$ZodType> }).shape
  // A variant that may leave its name out counts `undefined` among its names.
  return [...(shape?.[discriminator]?._zod.values ?? [])].filter((name) => name !== undefined).map(String)
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Record<string | number, unknown> | null | undefined)?.[step],
    root,
  )
}

function sentence(words = ''): string {
  return words === '' ? '' : `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}

function last(path: Path): string {
  return String(path.at(-1) ?? '')
}
