import { findConfigFile } from '@lifeboat/config/config-path.ts'
import { type Problem, problemLine } from '@lifeboat/config/problems.ts'
import { checkConfigFile } from '@lifeboat/config/read-config.ts'
import type { Command } from '../context.ts'
import type { Style } from '../format/style.ts'

/** Lists every problem of lifeboat.yaml, each with its line. Reads no secret and asks nobody. */
export const configCheck: Command<object> = async (_args, { terminal, options }) => {
  const path = findConfigFile({ given: options.config, env: terminal.env, cwd: terminal.cwd })
  const { problems } = await checkConfigFile(path)
  const errors = problems.filter((problem) => problem.severity === 'error').length
  return {
    value: { file: path, valid: errors === 0, problems },
    text: (style) =>
      [...problems.map((problem) => line(problem, style)), summary(path, problems.length, errors, style)].join('\n'),
    exit: errors === 0 ? 'ok' : 'config',
  }
}

function line(problem: Problem, style: Style): string {
  const word = problem.severity === 'error' ? style.bad('error') : style.warn('warning')
  return `${word} ${problemLine(problem)}`
}

function summary(path: string, all: number, errors: number, style: Style): string {
  const warnings = all - errors
  const aside = warnings === 0 ? '' : `, ${warnings} warning${warnings === 1 ? '' : 's'}`
  return errors === 0
    ? style.good(`${path} is valid${aside}`)
    : style.bad(`${path} has ${errors} error${errors === 1 ? '' : 's'}${aside}`)
}
