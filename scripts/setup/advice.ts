import type { NeedName } from './programs.ts'

/** How the packages are called where Debian's names do not fit. */
const FEDORA: Record<NeedName, string> = {
  postgresql: 'postgresql-server postgresql-contrib',
  'nats-server': 'golang',
  age: 'age',
  zstd: 'zstd',
  curl: 'curl',
  attr: 'attr',
}
const MACOS: Record<NeedName, string> = {
  postgresql: 'postgresql@17',
  'nats-server': 'nats-server',
  age: 'age',
  zstd: 'zstd',
  curl: 'curl',
  attr: 'attr',
}

/** What to type when setup may not install by itself; complete commands, to be pasted. */
export function installAdvice(missing: readonly NeedName[], reason: string): string {
  const fedora = [`sudo dnf install -y ${missing.map((name) => FEDORA[name]).join(' ')}`]
  if (missing.includes('nats-server')) {
    fedora.push('sudo env GOBIN=/usr/local/bin go install github.com/nats-io/nats-server/v2@latest')
  }
  return [
    `Missing on this machine: ${missing.join(', ')}.`,
    reason,
    '',
    'Debian 12 or newer, Ubuntu 24.04 or newer:',
    `    sudo apt-get update && sudo apt-get install -y ${missing.join(' ')}`,
    'Fedora:',
    ...fedora.map((line) => `    ${line}`),
    'macOS (Homebrew):',
    `    brew install ${missing.map((name) => MACOS[name]).join(' ')}`,
    '',
    'PostgreSQL 15, 16, 17 or 18 will do. Then run the same command again.',
  ].join('\n')
}
