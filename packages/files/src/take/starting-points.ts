import { lstat, readdir } from 'node:fs/promises'

/**
 * What of a root is to be archived, as names tar begins with: `.` for everything, else what the patterns fit, sorted. Names are bytes, kept as
 * latin1 while they are matched.
 */
export async function startingPoints(root: string, include: readonly string[]): Promise<Buffer[]> {
  if (include.length === 0) return [Buffer.from('.')]
  const found = new Set<string>()
  for (const pattern of include) {
    const steps = Buffer.from(pattern).toString('latin1').split('/')
    for (const path of await fitting(root, '.', steps.filter(isStep))) found.add(path)
  }
  return [...found].sort().map((path) => Buffer.from(path, 'latin1'))
}

function isStep(step: string): boolean {
  return step !== '' && step !== '.'
}

async function fitting(root: string, below: string, [step, ...further]: string[]): Promise<string[]> {
  if (step === undefined) return [below]
  const names = /[*?]/.test(step) ? await namesIn(root, below, step) : [step]
  const paths: string[] = []
  for (const name of names) {
    const path = `${below}/${name}`
    if (await isThere(root, path)) paths.push(...(await fitting(root, path, further)))
  }
  return paths
}

async function namesIn(root: string, below: string, pattern: string): Promise<string[]> {
  const fits = new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  )
  const names = await readdir(bytesOf(root, below), { encoding: 'latin1' }).catch(() => [])
  return names.filter((name) => fits.test(name))
}

function isThere(root: string, path: string): Promise<boolean> {
  return lstat(bytesOf(root, path)).then(
    () => true,
    () => false,
  )
}

function bytesOf(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')])
}
