import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BASE_ENV } from '../tools/stage.ts'
import { type BootPlan, unavailable } from './boot-plan.ts'
import { runToEnd } from './run-to-end.ts'

const run = promisify(execFile)

export const TEMPLATE_PREFIX = 'template-'
/** Part of a template's name; another way of making them needs another number. */
const RECIPE = 2

/** A cluster to copy from; all drills of one server version and superuser share it. */
export interface Template {
  readonly path: string
  /** Whether it was there already: only then can it be to blame for a server that does not start. */
  readonly used: boolean
}

/**
 * Copies a new cluster from one that initdb made here before: initdb costs more than a small drill. The cluster's own locale does not matter,
 * since the restored database brings its own.
 */
export async function copyTemplate(plan: BootPlan): Promise<Template> {
  const path = join(plan.templates, await templateName(plan))
  const used = existsSync(path)
  if (!used) await makeTemplate(plan, path)
  await runToEnd('cp', ['-a', path, join(plan.folder, 'data')], { signal: plan.signal }).catch(
    unavailable('cp', plan.signal),
  )
  const now = new Date()
  // The sweep removes what has not been used for long.
  await utimes(path, now, now)
  return { path, used }
}

/** Takes a template that made no server out of everybody's way, and the copy of it. Someone else may have done so already. */
export async function discardTemplate({ path }: Template, { folder }: BootPlan): Promise<void> {
  const unfit = join(folder, 'unfit')
  await rename(path, unfit).catch(() => {})
  for (const each of [unfit, join(folder, 'data')]) await rm(each, { recursive: true, force: true })
}

async function templateName({ postgres, superuser }: BootPlan): Promise<string> {
  const { stdout } = await run(postgres, ['--version'], { env: { ...BASE_ENV } })
  const kind = createHash('sha256').update(`${RECIPE}\n${stdout}\n${superuser}`)
  return `${TEMPLATE_PREFIX}${kind.digest('hex').slice(0, 16)}`
}

/**
 * Made inside the scratch folder and renamed when complete; whoever comes second throws its own away. initdb brings it to the disk first: a
 * template outlives a crash of the machine, unlike the servers copied from it.
 */
async function makeTemplate({ folder, initdb, superuser, account, signal }: BootPlan, ready: string): Promise<void> {
  const making = join(folder, 'making')
  const args = ['-D', making, '-U', superuser, '-E', 'UTF8', '--locale=C', '--auth=trust']
  await runToEnd(initdb, args, { ...account, cwd: folder, signal }).catch(unavailable('initdb', signal))
  await rename(making, ready).catch(async (err: unknown) => {
    if (!existsSync(ready)) throw err
    await rm(making, { recursive: true, force: true })
  })
}
