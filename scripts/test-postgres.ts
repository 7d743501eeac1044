import { DEBIAN_SUITES } from './test/debian-root.ts'
import { ALL_SUITES, runOnMajor } from './test/on-major.ts'
import { closingLine, tally } from './test/tally.ts'

/**
 * `pnpm test:postgres 17 [filter …]`: runs the PostgreSQL suites inside a Debian root that has that major, made on first use by debootstrap.
 *
 * Needs root (chroot, mount namespace) and a Debian mirror. The root stays in `.cache/` and is used again.
 */
async function main([major = '', ...filters]: string[]): Promise<number> {
  if (DEBIAN_SUITES[major] === undefined) {
    console.error(`usage: pnpm test:postgres ${Object.keys(DEBIAN_SUITES).join('|')} [filter …]`)
    return 2
  }
  const ended = await runOnMajor(major, filters.length > 0 ? filters : ALL_SUITES)
  if ('notRun' in ended) {
    console.error(`NOT RUN: PostgreSQL ${major}. ${ended.notRun}`)
    return 2
  }
  console.log(closingLine(tally(ended.report)))
  return ended.status
}

process.exitCode = await main(process.argv.slice(2))
