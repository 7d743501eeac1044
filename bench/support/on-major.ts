import { addPackages, DEBIAN_SUITES, debianRoot } from '../../scripts/test/debian-root.ts'
import { run } from '../../scripts/test/run-vitest.ts'

/** What the suite with that major has to compare with, as Debian's packages. */
const PEERS = ['pgbackrest', 'barman']
/** What benchmarks call and the smallest Debian of some suites lacks: `chattr`. */
const OWN = ['e2fsprogs']
const INSIDE = 'LIFEBOAT_BENCH_MAJOR'

/** The majors a benchmark can be run on beside the host's. */
export const MAJORS = Object.keys(DEBIAN_SUITES)

/** Whether this process is the one that runs in the Debian root with that major. */
export function isOnMajor(major: string): boolean {
  return process.env[INSIDE] === major
}

/** Runs `pnpm bench` with the same arguments in the Debian root with that major, with the peers of its suite; ends as it ends, or with 2 when there can be no such root. */
export async function benchOnMajor(major: string, args: readonly string[]): Promise<number> {
  try {
    const enter = debianRoot(major)
    addPackages(major, OWN)
    for (const peer of PEERS) bring(major, peer)
    const [program, inside] = enter(['env', `${INSIDE}=${major}`, 'node', 'bench/main.ts', ...args])
    return await run(program, inside)
  } catch (thrown) {
    console.error(`NOT MEASURED on PostgreSQL ${major}. ${textOf(thrown)}`)
    return 2
  }
}

/** The benchmark itself says once more, in its result, which peers were not there. */
function bring(major: string, peer: string): void {
  try {
    addPackages(major, [peer])
  } catch (thrown) {
    console.error(`NOT MEASURED on PostgreSQL ${major}: ${peer}. It cannot be installed: ${textOf(thrown)}`)
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
