import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import type { MessageClass } from './define-message.ts'

const DAY_MS = 24 * 3_600_000

/** A second publish with the same dedupe key is a no-op within this long. */
export const DEDUPE_WINDOW_MS = 2 * 3_600_000
/** A delivery that is neither settled nor kept alive for this long goes to another worker. */
export const ACK_WAIT_MS = 30_000
export const WISH_DELIVERIES = 20
/** Deliveries a durable may have open at once, those waiting out a pause included: a target that is away must not starve the rest. */
export const MAX_ACK_PENDING = 50_000

export interface StreamDefinition {
  name: string
  summary: string
  subjects: string[]
  retention: RetentionPolicy
  /** 0: for ever. */
  maxAgeMs: number
  /** No message in it can be changed or removed, by us or by anybody else; who may update or delete the stream itself still can. When it is full it takes no more. */
  appendOnly?: true
}

export const WISHES = {
  name: 'LIFEBOAT_WISHES',
  summary: 'Wishes that wait for somebody to fulfil them; a settled wish leaves the stream.',
  subjects: ['lifeboat.wish.>'],
  retention: RetentionPolicy.Workqueue,
  maxAgeMs: 14 * DAY_MS,
} satisfies StreamDefinition

export const FACTS = {
  name: 'LIFEBOAT_FACTS',
  summary: 'What happened; replayable by whoever wants to read.',
  subjects: ['lifeboat.fact.>'],
  retention: RetentionPolicy.Limits,
  maxAgeMs: 90 * DAY_MS,
} satisfies StreamDefinition

export const FLOWS = {
  name: 'LIFEBOAT_FLOWS',
  summary: 'Facts of which there are many and which matter for days: WAL on its way.',
  subjects: ['lifeboat.flow.>'],
  retention: RetentionPolicy.Limits,
  maxAgeMs: 7 * DAY_MS,
} satisfies StreamDefinition

export const AUDIT = {
  name: 'LIFEBOAT_AUDIT',
  summary: 'Who commanded what, why, and what came of it; append-only.',
  subjects: ['lifeboat.audit.>'],
  retention: RetentionPolicy.Limits,
  maxAgeMs: 0,
  appendOnly: true,
} satisfies StreamDefinition

const EXHAUSTED = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES'

export const DEAD = {
  name: 'LIFEBOAT_DEAD',
  summary: 'Messages that will not be handled any more, and the advisories about those whose workers kept dying.',
  subjects: ['lifeboat.dead.>', `${EXHAUSTED}.${WISHES.name}.>`, `${EXHAUSTED}.${FACTS.name}.>`],
  retention: RetentionPolicy.Limits,
  maxAgeMs: 90 * DAY_MS,
} satisfies StreamDefinition

/** Every stream there is, in the order docs/bus.md tells them. */
export const STREAMS: readonly StreamDefinition[] = [WISHES, FACTS, FLOWS, AUDIT, DEAD]

export function streamFor(messageClass: MessageClass): StreamDefinition {
  return { wish: WISHES, fact: FACTS, flow: FLOWS, audit: AUDIT }[messageClass]
}

/** The settings Lifeboat insists on; what an operator sets beside them (placement, limits) is left alone. */
export function streamSettings(
  definition: StreamDefinition,
  replicas: number,
): Partial<StreamConfig> & { name: string } {
  return {
    name: definition.name,
    description: definition.summary,
    subjects: definition.subjects,
    retention: definition.retention,
    storage: StorageType.File,
    discard: definition.appendOnly ? DiscardPolicy.New : DiscardPolicy.Old,
    ...(definition.appendOnly && { deny_delete: true, deny_purge: true }),
    max_age: nanos(definition.maxAgeMs),
    duplicate_window: nanos(DEDUPE_WINDOW_MS),
    num_replicas: replicas,
  }
}
