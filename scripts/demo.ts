import { once } from 'node:events'
import { cp, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { letRestore, type Operators } from '@lifeboat/testkit/world/operators.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { addressesOf } from './demo/addresses.ts'
import { bringBackFile, keepApplication } from './demo/files.ts'
import { healAndLetGo, keepTheNewest } from './demo/letting-go.ts'
import { bringBackDatabase } from './demo/lost-database.ts'
import { bringBackLostRows, keepWal } from './demo/lost-rows.ts'
import { DEMO_USAGE, type DemoOptions, parseDemoOptions } from './demo/options.ts'
import { openScreen, type Screen } from './demo/screen.ts'
import { bindSet, takeSet } from './demo/set.ts'
import { missOne, proveEverywhere, type Stage, sabotage } from './demo/story.ts'
import { type Summary, summaryText } from './demo/summary.ts'
import { exportAndAgain, exportTables } from './demo/tables.ts'
import { tellFact, tellProgress } from './demo/tell.ts'
import { watchFacts } from './demo/watch.ts'

const TARGETS = { aws: 's3', google: 'gcs', azure: 'azure' } as const
const VICTIM = 'aws'
const RECOVERED_FROM = 'azure'

/** The whole of Lifeboat on this machine, once through: `pnpm demo`. Exits 0 only when everything it claims was so. */
async function main(argv: readonly string[]): Promise<number> {
  const opts = readOptions(argv)
  if (opts === undefined) return 2
  // Debian keeps nats-server in a folder that an ordinary user's PATH lacks.
  process.env.PATH = [process.env.PATH, '/usr/sbin'].join(delimiter)
  const screen = openScreen(process.stderr)
  const interrupted = once(process, 'SIGINT')
  screen.chapter('NATS, PostgreSQL with a generated FHIR database, three clouds, a mail server, five services')
  await using world = await openWorld(opts, screen)
  const operators = await openStage(world, screen)
  const told = await Promise.race([perform(world, operators, opts, screen), interrupted.then(() => undefined)])
  if (told === undefined) return 130
  await show(told, opts)
  if (opts.keep) await keepRunning(world, screen, interrupted)
  return told.held ? 0 : 1
}

function readOptions(argv: readonly string[]): DemoOptions | undefined {
  try {
    return parseDemoOptions(argv)
  } catch (thrown) {
    console.error(`${thrown instanceof Error ? thrown.message : thrown}\n\n${DEMO_USAGE}`)
    return undefined
  }
}

function openWorld({ sizeMb }: DemoOptions, screen: Screen): Promise<World> {
  return startWorld({
    targets: TARGETS,
    databaseMb: sizeMb,
    services: ['verifier'],
    configure: (config) => {
      keepWal(config)
      exportTables(config)
      keepApplication(config)
      bindSet(config)
      keepTheNewest(VICTIM)(config)
    },
    onProgress: (step) => screen.live(step),
  })
}

/** Scheduler and alerter wait for the first chapter, which sets the schedule. */
async function openStage(world: World, screen: Screen): Promise<Operators> {
  const operators = await letRestore(world, { clusters: false })
  await Promise.all((['backup-agent', 'uploader'] as const).map((service) => world.start(service)))
  const { data, postgres } = world.source
  screen.say(`PostgreSQL ${postgres.major} with ${data.rows.toLocaleString('en')} rows of ${data.patients} patients`)
  for (const [name, { kind, address }] of Object.entries(world.targets))
    screen.say(`target ${name} (${kind}) at ${address}`)
  return operators
}

async function perform(world: World, operators: Operators, { sizeMb }: DemoOptions, screen: Screen): Promise<Summary> {
  await using watch = await watchFacts([world.nats.url], {
    fact: (message) => {
      const line = tellFact(message)
      if (line !== undefined) screen.say(line)
    },
    progress: (report) => screen.live(tellProgress(report)),
  })
  const stage: Stage = { world, watch, screen, patienceMs: 180_000 + sizeMb * 1000 }
  try {
    // Before the last chapters destroy what is in it.
    const database = await describeDatabase(world)
    const proven = await proveEverywhere(stage)
    const exported = await exportAndAgain(stage)
    const file = await bringBackFile(stage, RECOVERED_FROM)
    const whole = await takeSet(stage)
    const caught = await sabotage(stage, VICTIM)
    const healed = await healAndLetGo(stage, VICTIM, caught.sabotage.backupId)
    const missed = await missOne(stage)
    const back = await bringBackLostRows(stage, RECOVERED_FROM)
    const restored = await bringBackDatabase(stage, operators)
    const claims = [
      ...proven.claims,
      ...exported.claims,
      ...file.claims,
      ...whole.claims,
      ...caught.claims,
      ...healed.claims,
      ...missed.claims,
      ...back.claims,
      ...restored.claims,
    ]
    return {
      held: claims.every(({ held }) => held),
      seconds: Math.round(screen.elapsedMs()) / 1000,
      database,
      ...proven,
      ...caught,
      ...missed,
      ...back,
      ...restored,
      mails: world.smtp.inbox.map(({ subject }) => subject),
      claims,
    }
  } catch (thrown) {
    screen.say(`the logs of the services are kept in ${await keepLogs(world)}`)
    throw thrown
  }
}

async function describeDatabase({ source }: World): Promise<Summary['database']> {
  const [row] = await source.postgres.query(
    source.database,
    `SELECT pg_database_size(current_database())::float8 AS bytes, current_setting('server_version') AS server`,
  )
  return { name: source.database, bytes: row.bytes, rows: source.data.rows, server: row.server.split(' ')[0] }
}

async function keepLogs(world: World): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-demo-failed-'))
  await cp(join(world.folder, 'logs'), folder, { recursive: true })
  return folder
}

async function show(summary: Summary, { json }: DemoOptions): Promise<void> {
  const text = `${JSON.stringify(summary, null, 2)}\n`
  if (json === '-') process.stdout.write(text)
  else process.stdout.write(summaryText(summary))
  if (json !== undefined && json !== '-') await writeFile(json, text)
}

async function keepRunning(world: World, screen: Screen, interrupted: Promise<unknown>): Promise<void> {
  screen.chapter('Everything keeps running until Ctrl-C')
  for (const line of addressesOf(world)) screen.say(line)
  await interrupted
}

process.exitCode = await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(`\nThe demo could not go on: ${thrown instanceof Error ? thrown.message : thrown}`)
  return 1
})
