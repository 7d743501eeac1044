import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ExpiryMeasure, ExpiryOrder } from '../expiry.ts'

const run = promisify(execFile)
const HERE = import.meta.dirname

/** Plans what may go of a whole fleet, in a process of its own. */
export async function planned(order: ExpiryOrder): Promise<ExpiryMeasure> {
  const child = fork(join(HERE, '../children/expiry-plan.ts'), { execArgv: ['--expose-gc'] })
  child.send(order)
  const [measure] = (await once(child, 'message')) as [ExpiryMeasure]
  return measure
}

/** What the command took is said by itself, at its end. */
const TELL = `data:text/javascript,process.on('exit',()=>{const u=process.resourceUsage();process.stderr.write(JSON.stringify({seconds:(u.userCPUTime+u.systemCPUTime)/1e6,peakBytes:u.maxRSS*1024}))})`

/** `lifeboat schedule --simulate` of that many sources, each backed up every hour. */
export async function simulated({ sources, each }: ExpiryOrder): Promise<Omit<ExpiryMeasure, 'going' | 'liveBytes'>> {
  const dir = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))
  try {
    await writeFile(join(dir, 'lifeboat.yaml'), configText(sources, dir))
    const main = join(HERE, '../../apps/cli/src/main.ts')
    const args = [
      '--import',
      TELL,
      main,
      'schedule',
      '--simulate',
      `${each}h`,
      '--config',
      join(dir, 'lifeboat.yaml'),
      '--json',
    ]
    const { stdout, stderr } = await run(process.execPath, args, { maxBuffer: 1 << 30 })
    const { runs } = JSON.parse(stdout) as { runs: number }
    if (runs !== sources * each) throw new Error(`${runs} runs were simulated, not ${sources * each}`)
    return JSON.parse(stderr)
  } finally {
    await rm(dir, { recursive: true })
  }
}

function configText(sources: number, dir: string): string {
  const names = Array.from({ length: sources }, (_, no) => `s${String(no).padStart(5, '0')}`)
  const target = (name: string) => `  ${name}: { kind: filesystem, path: ${dir}/${name}, removal: { allowed: true } }`
  return `
version: 1
fleet: bench
bus: { servers: ["nats://127.0.0.1:1"] }
encryption: { recipients: [age1abc] }
agents: { db1: { url: "http://127.0.0.1:7461", token: env:TOKEN, signingKey: env:KEY, spool: { path: "${dir}/spool" } } }
targets:
${['aws', 'gcp', 'azure'].map(target).join('\n')}
sources:
${names.map((name) => `  ${name}: { agent: db1, host: 127.0.0.1, database: ${name}, user: lifeboat }`).join('\n')}
policies:
  hourly:
    sources: [${names.join(', ')}]
    kind: dump
    schedule: { cron: "0 * * * *", zone: Europe/Berlin }
    targets: [aws, gcp, azure]
    keep: { last: 48, daily: 30, weekly: 8, monthly: 12 }
`
}
