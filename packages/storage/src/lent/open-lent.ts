import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { ERROR_CODES } from '@lifeboat/shared/errors/catalogue.ts'
import { type Facts, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { impatient } from '../layers/impatient.ts'
import { resuming } from '../layers/resuming.ts'
import { retrying } from '../layers/retrying.ts'
import { relay } from '../relay.ts'
import type { Receipt, Target } from '../target.ts'
import type { Awaiting } from './awaiting.ts'

export interface Lender {
  /** Addresses of uploaders that lend; the first that answers is asked. */
  uploaders: readonly string[]
  /** The agent's own. */
  token: Secret
  /** An uploader that says nothing for this long is given up on; default one minute. */
  silenceMs?: number
  /** Asked, and told, when no uploader answers at all; see `isSilence`. */
  awaiting?: Awaiting | undefined
}

const SILENCE_MS = 60_000

/**
 * A target as an uploader lends it: read only, for a host that has no credentials of any cloud. Nothing is asked yet.
 *
 * put and remove reject TARGET_REFUSED. An uploader that does not answer is TARGET_UNREACHABLE, as is one that does not know the target.
 */
export function openLent(id: TargetId, lender: Lender): Target {
  const refuse = async () => {
    throw new LifeboatError('TARGET_REFUSED', { targetId: id, problem: 'a target that is lent can only be read' })
  }
  let hasLent = false
  const ask = async (path: string, signal: AbortSignal) => {
    const body = await askAny(id, lender, { path: `/targets/${id}/${path}`, signal, hasLent })
    hasLent = true
    lender.awaiting?.answered()
    return body
  }
  const list = (prefix: Key, signal: AbortSignal) =>
    receipts(() => ask(`keys?prefix=${encodeURIComponent(prefix)}`, signal), signal)
  const lent: Target = {
    id,
    kind: 'lent',
    abilities: { immutability: false, conditionalPut: false },
    put: refuse,
    remove: refuse,
    get: (key, { from = 0, signal }) => ask(`objects/${encodeURIComponent(key)}?from=${from}`, signal),
    list: (prefix, { signal }) => list(prefix, signal),
    async stat(key, { signal }) {
      // In byte order the key itself comes before all that begin with it.
      for await (const receipt of list(key, signal)) return receipt.key === key ? receipt : undefined
      return undefined
    },
    async [Symbol.asyncDispose]() {},
  }
  const { silenceMs = SILENCE_MS, awaiting } = lender
  return resuming(retrying(impatient(lent, { silenceMs }), { awaiting }))
}

/** Whether it says that the target is not to be had because an uploader that may lend it gives no answer, and not that the target is away. */
export function isSilence(thrown: unknown): boolean {
  return LifeboatError.is(thrown, 'TARGET_UNREACHABLE') && thrown.facts.silent !== undefined
}

interface Asked {
  path: string
  signal: AbortSignal
  /** Some uploader has lent it before. */
  hasLent: boolean
}

async function askAny(id: TargetId, { uploaders, token }: Lender, { path, signal, hasLent }: Asked) {
  let problem: unknown
  const silent: string[] = []
  for (const uploader of uploaders) {
    const headers = { authorization: `Bearer ${token.reveal()}` }
    try {
      const answer = await fetch(`${uploader.replace(/\/$/, '')}${path}`, { headers, signal, redirect: 'error' })
      if (answer.ok && answer.body) return bodyOf(id, answer.body, signal)
      throw await errorOf(id, uploader, answer)
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof LifeboatError && thrown.code !== 'TARGET_UNREACHABLE') throw thrown
      if (!(thrown instanceof LifeboatError)) silent.push(uploader)
      problem ??= thrown
    }
  }
  const err = unreachable(id, problem)
  // Where others answer, the target may not be one that the silent ones lend.
  const matters = silent.length > 0 && (hasLent || silent.length === uploaders.length)
  throw matters ? new LifeboatError(err.code, { ...err.facts, silent }, { cause: problem }) : err
}

function bodyOf(id: TargetId, body: NonNullable<Response['body']>, signal: AbortSignal): Readable {
  const translate = (thrown: unknown) => unreachable(id, thrown)
  return relay(Readable.fromWeb(body as ReadableStream), { signal, translate })
}

async function errorOf(id: TargetId, uploader: string, answer: Response): Promise<LifeboatError> {
  const said = (await answer.json().catch(() => ({}))) as { code?: string; facts?: Facts }
  const code = ERROR_CODES.find((each) => each === said.code)
  if (code === 'AGENT_REFUSED')
    return new LifeboatError('TARGET_REFUSED', { targetId: id, uploader, problem: 'it does not know our token' })
  return code?.startsWith('TARGET_') && code !== 'TARGET_UNKNOWN'
    ? new LifeboatError(code, { ...said.facts })
    : new LifeboatError('TARGET_UNREACHABLE', { targetId: id, uploader, status: answer.status, answer: code })
}

function unreachable(id: TargetId, cause: unknown): LifeboatError {
  if (LifeboatError.is(cause, 'TARGET_UNREACHABLE')) return cause
  const problem = cause instanceof Error ? String((cause.cause as Error | undefined)?.message ?? cause.message) : ''
  return new LifeboatError('TARGET_UNREACHABLE', { targetId: id, problem }, { cause })
}

async function* receipts(open: () => Promise<Readable>, signal: AbortSignal): AsyncGenerator<Receipt> {
  let rest = ''
  for await (const chunk of (await open()).setEncoding('utf8')) {
    const lines = `${rest}${chunk as string}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      yield JSON.parse(line) as Receipt
      signal.throwIfAborted()
    }
  }
}
