import { BASE_ENV, type Stage } from './stage.ts'

/** Compresses with as many threads as there are cores. */
export function zstd(opts: { program: string; level: number }): Stage {
  return {
    tool: 'zstd',
    program: opts.program,
    args: ['-q', '-c', '-T0', `-${opts.level}`],
    env: BASE_ENV,
    encoding: 'zstd',
  }
}

export function unzstd(opts: { program: string }): Stage {
  return { tool: 'zstd', program: opts.program, args: ['-q', '-d', '-c'], env: BASE_ENV }
}
