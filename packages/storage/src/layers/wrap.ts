import type { Locks, Target } from '../target.ts'

/** A target that behaves as `inner` but for what `changes` says; the beginning of every layer. */
export function wrap(inner: Target, changes: Partial<Target>): Target {
  return {
    id: inner.id,
    kind: inner.kind,
    abilities: inner.abilities,
    ...(inner.transition && { transition: inner.transition }),
    ...(inner.checksMd5 && { checksMd5: inner.checksMd5 }),
    ...(inner.locks && { locks: inner.locks }),
    put: (key, body, opts) => inner.put(key, body, opts),
    get: (key, opts) => inner.get(key, opts),
    stat: (key, opts) => inner.stat(key, opts),
    list: (prefix, opts) => inner.list(prefix, opts),
    ...(inner.tryOut && { tryOut: inner.tryOut.bind(inner) }),
    remove: (key, opts) => inner.remove(key, opts),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    ...changes,
  }
}

/** The locks of `inner`, where it has any, with another way to say so to the store: for `wrap`. */
export function locksOf(inner: Target, extend: (locks: Locks) => Locks['extend']): Pick<Target, 'locks'> {
  const { locks } = inner
  return locks === undefined ? {} : { locks: { forMs: locks.forMs.bind(locks), extend: extend(locks) } }
}
