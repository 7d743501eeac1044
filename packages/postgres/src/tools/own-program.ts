import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BASE_ENV, type Stage } from './stage.ts'

/**
 * A program of ours, run by the Node we run on. What that Node made of the sources lies where ours keeps it, if anywhere: half of the time a small
 * program takes to start goes into that.
 *
 * @see https://nodejs.org/api/module.html#module-compile-cache – the folder in the environment has one in it for each version of Node
 */
export function ownProgram(script: URL, ...args: readonly string[]): Pick<Stage, 'program' | 'args' | 'env'> {
  const cache = getCompileCacheDir()
  const env = cache === undefined ? BASE_ENV : { ...BASE_ENV, NODE_COMPILE_CACHE: dirname(cache) }
  return { program: process.execPath, args: [fileURLToPath(script), ...args], env }
}
