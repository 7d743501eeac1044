import { Counter, collectDefaultMetrics, Gauge, Histogram, type LabelValues, Registry } from 'prom-client'
import type { Logger } from '../log/logger.ts'

/** What happens in a service that people want to count: one definition, so that log line and metric cannot drift. */
export interface BusinessEvent<L extends string> {
  /** The bus's own nouns and participles: `part.stored`. */
  event: string
  /** Constant sentence of the log line. */
  sentence: string
  level?: 'info' | 'warn' | 'debug' | 'error'
  /** Facts that become labels; few values each (target, source, verdict), never an id that grows. */
  labels: readonly L[]
}

/** `bytes` and `durationMs` are measured as well as logged. */
export type EventFacts<L extends string> = Record<L, string> & { bytes?: number; durationMs?: number } & Record<
    string,
    unknown
  >

export interface Metrics {
  /**
   * @example const partStored = metrics.event({ event: 'part.stored', sentence: 'stored part', labels: ['targetId'] })
   *          partStored(run.log, { targetId, backupId, bytes, durationMs })
   *          // lifeboat_part_stored_total{targetId}, …_bytes_total, …_seconds – and the log line
   */
  event<L extends string>(definition: BusinessEvent<L>): (log: Logger, facts: EventFacts<L>) => void
  /** A value read when it is scraped: `metrics.gauge('lifeboat_spool_bytes', 'Bytes in the spool', () => spool.bytes)`. */
  gauge(name: string, help: string, read: () => number): void
  /** The same per label value: `read` gives all there are; what it no longer gives is no longer shown. */
  gauges<L extends string>(
    name: string,
    help: string,
    label: L,
    read: () => Iterable<readonly [value: string, measured: number]>,
  ): void
  /** Prometheus text. */
  text(): Promise<string>
  readonly contentType: string
}

const SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600]

/** @param service becomes the label `service` of everything */
export function createMetrics(service: string): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  // Its default, 10 ms, wakes an idle service a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  const registers = [registry]
  return {
    event<L extends string>({ event, sentence, level = 'info', labels }: BusinessEvent<L>) {
      const name = `lifeboat_${event.replaceAll(/[^a-z0-9]+/g, '_')}`
      const common = { labelNames: [...labels], registers }
      const total = new Counter({ name: `${name}_total`, help: `How often: ${sentence}`, ...common })
      const bytes = new Counter({ name: `${name}_bytes_total`, help: `Bytes: ${sentence}`, ...common })
      const seconds = new Histogram({
        name: `${name}_seconds`,
        help: `How long it took: ${sentence}`,
        buckets: SECONDS,
        ...common,
      })
      return (log: Logger, facts: EventFacts<L>) => {
        const values: LabelValues<L> = {}
        for (const label of labels) values[label] = facts[label]
        total.inc(values)
        if (facts.bytes !== undefined) bytes.inc(values, facts.bytes)
        if (facts.durationMs !== undefined) seconds.observe(values, facts.durationMs / 1000)
        log[level]({ event, ...facts }, sentence)
      }
    },
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    },
    gauges(name, help, label, read) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset()
          for (const [value, measured] of read()) this.labels(value).set(measured)
        },
      })
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
