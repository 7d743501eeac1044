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

export interface Lender {
  /** Addresses of uploaders that lend; the first that answers is asked. */
  uploaders: readonly string[]
  /** The agent's own. */
  token: Secret
  /** An uploader that says nothing for this long is given up on; default one minute. */
  silenceMs?: number
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
  const ask = (path: string, signal: AbortSignal) => askAny(id, lender, `/targets/${id}/${path}`, signal)
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
  return resuming(retrying(impatient(lent, { silenceMs: lender.silenceMs ?? SILENCE_MS })))
}

async function askAny(id: TargetId, { uploaders, token }: Lender, path: string, signal: AbortSignal) {
  let problem: unknown
  for (const uploader of uploaders) {
    const headers = { authorization: `Bearer ${token.reveal()}` }
    try {
      const answer = await fetch(`${uploader.replace(/\/$/, '')}${path}`, { headers, signal, redirect: 'error' })
      if (answer.ok && answer.body) return bodyOf(id, answer.body, signal)
      throw await errorOf(id, uploader, answer)
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof LifeboatError && thrown.code !== 'TARGET_UNREACHABLE') throw thrown
      problem ??= thrown
    }
  }
  throw unreachable(id, problem)
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
