import type { z } from 'zod'

export type Service = 'scheduler' | 'backup-agent' | 'uploader' | 'verifier' | 'alerter' | 'cli'

/**
 * A wish lives in a work queue until somebody settles it; a fact stays 90 days for whoever wants to read; a flow is a fact of which there are
 * thousands a day and which matters for days only; an audit is a fact nobody can remove.
 */
export type MessageClass = 'wish' | 'fact' | 'flow' | 'audit'

export interface MessageDefinition<S extends z.ZodType> {
  /** Facts: `noun.participle`; wishes: `noun.requested`. */
  subject: string
  version: number
  class: MessageClass
  /** The apps that may publish it. */
  owner: Service | readonly Service[]
  /** What it means, one sentence; docs/bus.md is generated from these. */
  summary: string
  /** Becomes Nats-Msg-Id, prefixed with subject and version. */
  dedupeKey: (data: z.output<S>) => string
  /** Last subject token, for consumers that want only theirs (an agent its wishes). One KV-safe token without dots; default `all`. */
  route?: (data: z.output<S>) => string
  data: S
}

export interface MessageType<T> {
  readonly subject: string
  readonly version: number
  readonly class: MessageClass
  readonly owner: readonly Service[]
  readonly summary: string
  readonly schema: z.ZodType<T>
  dedupeKey(data: T): string
  route(data: T): string
}

/** What a message of this type carries. */
export type DataOf<M> = M extends MessageType<infer T> ? T : never

export function defineMessage<S extends z.ZodType>(definition: MessageDefinition<S>): MessageType<z.output<S>> {
  const { owner, dedupeKey, route, data, ...rest } = definition
  return {
    ...rest,
    owner: typeof owner === 'string' ? [owner] : owner,
    schema: data as z.ZodType<z.output<S>>,
    dedupeKey: (value) => `${definition.subject}.v${definition.version}/${dedupeKey(value)}`,
    route: route ?? (() => 'all'),
  }
}

/** `lifeboat.fact.part.sealed.v1.<route>`; `route` may be `*`. */
export function busSubject(type: Pick<MessageType<never>, 'subject' | 'version' | 'class'>, route: string): string {
  return `lifeboat.${type.class}.${type.subject}.v${type.version}.${route}`
}
