import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { AgentId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type Env, findConfigFile } from './config-path.ts'
import { unknownName } from './did-you-mean.ts'
import { examine, problemsOf } from './examine.ts'
import type { LifeboatConfig, VerifierConfig } from './lifeboat-config.ts'
import { type Finding, type Problem, problemLine } from './problems.ts'
import { resolveSecret } from './resolve-secret.ts'
import {
  type ConfigOf,
  SERVICE_SECTIONS,
  type SectionName,
  type SectionsOf,
  type ServiceName,
  secretsOf,
} from './sections.ts'

export interface CheckedConfig<S extends SectionName> {
  /** Present when nothing is an error. */
  config?: ConfigOf<S>
  /** Errors and warnings in the order of the file. */
  problems: Problem[]
}

const ALL_SECTIONS = SERVICE_SECTIONS.cli

/** Checks a whole configuration, or some sections of it, and finds every problem at once. Resolves no secret. */
export async function checkConfigFile<S extends SectionName = SectionName>(
  path: string,
  sections: readonly S[] = ALL_SECTIONS as readonly SectionName[] as readonly S[],
): Promise<CheckedConfig<S>> {
  return checkConfigText(await readText(path), path, sections)
}

export function checkConfigText<S extends SectionName>(
  text: string,
  file: string,
  sections: readonly S[],
): CheckedConfig<S> {
  const { source, findings, config } = examine(text, sections)
  const problems = problemsOf(source, findings, file)
  return problems.some(isError) || !config ? { problems } : { config, problems }
}

/**
 * @throws LifeboatError CONFIG_UNREADABLE, or CONFIG_INVALID with every problem as one line of the fact `problems`
 */
export async function readConfigFile<S extends SectionName = SectionName>(
  path: string,
  sections?: readonly S[],
): Promise<ConfigOf<S>> {
  const { config, problems } = await checkConfigFile(path, sections)
  if (!config) throw invalid(problems)
  return config
}

export interface ServiceConfig<N extends ServiceName> {
  path: string
  config: ConfigOf<SectionsOf<N>> & (N extends 'verifier' ? { verifier: VerifierConfig } : unknown)
  /** The agent this process is; only for backup-agent. */
  agentId?: AgentId
  /** Reads a secret of this service; every one was read once already, so this does not fail for them. */
  secret(ref: SecretRef): Secret
  warnings: Problem[]
}

/**
 * What one service needs of lifeboat.yaml: its sections valid, its own secrets there. All problems come together.
 *
 * @param opts.agent which agent this is (else LIFEBOAT_AGENT, else the only one that is configured); only for backup-agent
 * @throws LifeboatError CONFIG_UNREADABLE | CONFIG_INVALID (with every problem, missing secrets included) | CONFIG_SECRET_MISSING (nothing else is wrong)
 */
export async function readServiceConfig<N extends ServiceName>(
  service: N,
  opts: { path?: string | undefined; env: Env; cwd: string; agent?: string | undefined },
): Promise<ServiceConfig<N>> {
  const path = findConfigFile({ given: opts.path, env: opts.env, cwd: opts.cwd })
  const sections: readonly SectionName[] = SERVICE_SECTIONS[service]
  const { source, findings, config, partial } = examine(await readText(path), sections)
  const places = { env: opts.env, baseDir: dirname(path) }
  const agentId = service === 'backup-agent' ? chooseAgent(partial, opts, findings) : undefined
  if (service === 'verifier' && partial.verifier === undefined && source.value)
    findings.push({
      severity: 'error',
      path: ['verifier'],
      message: 'is missing',
      hint: 'A verifier needs identity and signingKey.',
    })
  const missing = secretFindings(service, partial, agentId, places)
  const problems = problemsOf(source, [...findings, ...missing], path)
  if (problems.some(isError) || !config)
    throw invalid(problems, problems.filter(isError).length === missing.filter(isError).length)
  return {
    path,
    config: config as ServiceConfig<N>['config'],
    ...(agentId === undefined ? {} : { agentId: agentId as AgentId }),
    secret: (ref) => resolveSecret(ref, places),
    warnings: problems,
  }
}

function chooseAgent(
  partial: Partial<LifeboatConfig>,
  opts: { env: Env; agent?: string | undefined },
  findings: Finding[],
): string | undefined {
  const known = Object.keys(partial.agents ?? {})
  const wanted = opts.agent ?? opts.env.LIFEBOAT_AGENT ?? (known.length === 1 ? known[0] : undefined)
  if (wanted !== undefined && known.includes(wanted)) return wanted
  const unsaid = {
    message: 'it is not said which of these agents this one is',
    hint: 'Set LIFEBOAT_AGENT to its name.',
  }
  const said = wanted === undefined ? unsaid : unknownName('agent', wanted, known)
  findings.push({ severity: 'error', path: ['agents'], at: 'key', ...said })
  return undefined
}

function secretFindings(
  service: ServiceName,
  partial: Partial<LifeboatConfig>,
  agentId: string | undefined,
  places: { env: Env; baseDir: string },
): Finding[] {
  const findings: Finding[] = []
  for (const { path, ref } of secretsOf(service, partial, agentId)) {
    // A value that is no reference has been reported with the shape.
    if (typeof ref !== 'string' || !/^(env|file):/.test(ref)) continue
    try {
      resolveSecret(ref, { ...places, warn: (warning) => findings.push({ severity: 'warning', path, ...warning }) })
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      findings.push({
        severity: 'error',
        path,
        message: `${err.code}: ${ref}, ${String(err.facts.problem)}`,
        hint: err.hint,
      })
    }
  }
  return findings
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new LifeboatError('CONFIG_UNREADABLE', { path, problem: cause.code ?? cause.message }, { cause })
  })
}

function invalid(problems: readonly Problem[], onlySecrets = false): LifeboatError {
  const errors = problems.filter(isError)
  return new LifeboatError(onlySecrets ? 'CONFIG_SECRET_MISSING' : 'CONFIG_INVALID', {
    problems: errors.map(problemLine),
  })
}

function isError(thing: { severity: 'error' | 'warning' }): boolean {
  return thing.severity === 'error'
}
